// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"slices"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// The oracle decides about a form by the table of docs/policy.md, written once more and
// as plainly as can be, for the few types and extensions that random forms have.

// oracleTypes: what files of an extension are.
var oracleTypes = map[string]string{
	"jpg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "csv": "text/csv", "txt": "text/plain", "html": "text/html",
	"docx": docxType, "zip": "application/zip", "exe": exeType, "mp4": "video/mp4", "m4a": "audio/mp4", "proj": "",
}

const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	exeType  = "application/vnd.microsoft.portable-executable"
)

// oracleContents: what files are, by the contents that the tests have for them.
var oracleContents = map[string]string{
	"empty": "", "unknown": octetStream, "jpeg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "csv": "text/csv",
	"text": "text/plain", "html": "text/html", "docx": docxType, "zip": "application/zip", "exe": exeType, "mp4": "video/mp4", "m4a": "audio/mp4",
}

// oracleAliases: other names of types.
var oracleAliases = map[string]string{"image/jpg": "image/jpeg", "application/x-zip-compressed": "application/zip", "audio/x-m4a": "audio/mp4", "application/x-msdownload": exeType}

// oracleKinds: a general type, and kinds of it.
var oracleKinds = []string{
	"text/plain text/csv", "text/plain text/html", "text/plain image/svg+xml", "application/zip " + docxType, "video/mp4 audio/mp4",
}

var oracleEntries = []string{
	"image/*", "image/png", "image/jpg", "image/svg+xml", ".svg", "application/pdf", ".pdf", "text/csv", ".csv", "text/*", "text/plain", ".txt", docxType, ".docx",
	"application/*", "application/zip", ".zip", "video/*", "audio/*", "video/mp4", ".m4a", ".proj", ".exe", "application/octet-stream", "*/*",
}

// oracleFile is a file as mime/multipart reads it.
type oracleFile struct {
	extension, declared, content string // as in the tables; or empty
	size                         int
	nameless                     bool
	field                        string // of a part without a file name
}

func oracleListed(entries []string, mediaType string) bool {
	major, _, _ := strings.Cut(mediaType, "/")
	return mediaType != "" && slices.ContainsFunc(entries, func(entry string) bool {
		if alias, found := oracleAliases[entry]; found {
			entry = alias
		}
		return entry == mediaType || entry == major+"/*" && mediaType != octetStream
	})
}

// oracleExtension says which extension the table finds behind the last dot of a name.
func oracleExtension(suffix string) string {
	bare := strings.ReplaceAll(suffix, "\u200b", "")
	kept := strings.NewReplacer("-", "", " ", "", "é", "").Replace(bare)
	if kept == bare || oracleTypes[kept] != "" {
		return kept
	}
	return "" // something else was dropped, and what is left is unknown
}

// oracleType says whether the table allows a file.
func oracleType(entries []string, f oracleFile) bool {
	own := oracleTypes[f.extension]
	byExtension := f.extension != "" && slices.Contains(entries, "."+f.extension)
	declared := f.declared
	if alias, found := oracleAliases[declared]; found {
		declared = alias
	}
	isOwn := func(mediaType string) bool { // of a listed extension
		for extension, own := range oracleTypes {
			if own == mediaType && own != "" && slices.Contains(entries, "."+extension) {
				return true
			}
		}
		// mp4 may be audio, if it says so.
		return mediaType == "audio/mp4" && slices.Contains(entries, ".mp4")
	}
	isAllowed := func(mediaType string) bool { return oracleListed(entries, mediaType) || isOwn(mediaType) }

	switch {
	case slices.Contains(entries, "*/*"):
		return true
	case f.extension == "", byExtension, oracleListed(entries, own):
	case f.extension == "mp4" && declared == "audio/mp4" && oracleListed(entries, "audio/mp4"):
	default:
		return false
	}
	switch {
	case declared == "", isAllowed(declared):
	case f.extension == "csv" && declared == "application/vnd.ms-excel", f.extension == "docx" && declared == "application/msword":
	case declared != "video/mp4" && slices.Contains(oracleKinds, declared+" "+own) && (byExtension || oracleListed(entries, own)):
	default:
		return false
	}
	var claims []string // that are allowed
	if declared != "" && isAllowed(declared) {
		claims = append(claims, declared)
	}
	if own != "" && (byExtension || oracleListed(entries, own)) {
		claims = append(claims, own)
	}
	unknownExtension := byExtension && own == ""
	sniffed := oracleContents[f.content]
	switch {
	case sniffed == "":
		return declared != "" || f.extension != ""
	case sniffed == octetStream:
		isWild := slices.ContainsFunc(claims, func(claim string) bool {
			major, _, _ := strings.Cut(claim, "/")
			return slices.Contains(entries, major+"/*")
		})
		return isWild || unknownExtension || slices.Contains(entries, octetStream)
	case isAllowed(sniffed):
		return true
	case unknownExtension && slices.Contains([]string{"text/plain", "text/csv", "application/zip"}, sniffed):
		return true
	}
	if sniffed == "text/csv" && (isAllowed("text/plain") || slices.ContainsFunc(claims, func(claim string) bool { return slices.Contains(oracleKinds, "text/plain "+claim) })) {
		return true // by nothing but its commas
	}
	isActive := slices.Contains([]string{"text/html", "image/svg+xml", exeType}, sniffed)
	return slices.ContainsFunc(claims, func(claim string) bool {
		return slices.Contains(oracleKinds, sniffed+" "+claim) || !isActive && slices.Contains(oracleKinds, claim+" "+sniffed)
	})
}

// oracle returns the codes with which a form may be refused: those of the first part that
// is forbidden. None: it is allowed.
func oracle(p Policy, files []oracleFile) []string {
	count := 0
	for _, f := range files {
		if f.nameless && f.size == 0 || f.nameless && (f.field == "metadata[a]" || f.field == "source") && f.declared == "text/plain" && f.size <= 2048 {
			continue
		}
		count++
		var codes []string
		if p.MaxFiles > 0 && count > p.MaxFiles {
			codes = append(codes, uploadapi.ErrTooManyFiles.Code)
		}
		if p.MaxFileSize > 0 && int64(f.size) > p.MaxFileSize {
			codes = append(codes, uploadapi.ErrFileTooLarge.Code)
		}
		if len(p.Types) > 0 && !oracleType(p.Types, f) {
			codes = append(codes, uploadapi.ErrFileType.Code)
		}
		if codes != nil {
			return codes
		}
	}
	return nil
}

// readFiles reads the files of a form by mime/multipart.
func readFiles(body []byte, boundary string) ([]oracleFile, error) {
	var files []oracleFile
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF { //nolint:errorlint // readers return io.EOF itself
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil {
			return nil, err
		}
		name, isFile := params["filename"]
		declared := part.Header.Get("Content-Type")
		if !isFile && declared == "" {
			continue
		}
		f := oracleFile{size: len(content), nameless: name == "", field: params["name"]}
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 && name[dot+1:] != "12" { // a number
			f.extension = oracleExtension(strings.ToLower(name[dot+1:]))
		}
		if f.declared, _, _ = strings.Cut(strings.ToLower(declared), ";"); f.declared == octetStream || f.declared == "null" {
			f.declared = ""
		}
		for of, beginning := range contents {
			_, known := oracleContents[of]
			if rest, begins := strings.CutPrefix(string(content), beginning); known && begins && rest == strings.Repeat(padding[of], len(rest)/max(1, len(padding[of]))) {
				f.content = of
			}
		}
		files = append(files, f)
	}
}

// padding makes files longer without making them others.
var padding = map[string]string{
	"unknown": "\x02\x91", "jpeg": "\x00", "png": "\x00", "svg": "\n", "pdf": "\n", "csv": "7,8,9\n", "text": "And another.\n", "html": "\n", "docx": "\x00",
	"zip": "\x00", "exe": "\x00", "mp4": "\x00", "m4a": "\x00",
}

// randomForm returns a form such as clients send.
func randomForm(random *rand.Rand, boundary string) []byte {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	names := []string{"blob", "a", "Report 3.12", "фото"}
	for extension := range oracleTypes {
		names = append(names, "a."+extension, "B. c."+strings.ToUpper(extension), "a."+extension[:1]+"-"+extension[1:], "a. "+extension+"é", "a."+extension+"\u200b")
	}
	slices.Sort(names)
	types := []string{
		"", "", octetStream, "null", "image/jpeg", "image/jpg", "image/png", "image/svg+xml", "application/pdf", "text/csv", "application/vnd.ms-excel", "text/plain",
		"text/plain; charset=utf-8", "text/html", docxType, "application/msword", "application/zip", "application/x-zip-compressed", "video/mp4", "audio/mp4", "Audio/X-M4A", "application/x-msdownload",
	}
	kinds := slices.Sorted(mapKeys(oracleContents))
	var form bytes.Buffer
	for range random.IntN(5) {
		name := pick("file", "a.jpg", "metadata[a]", "source", "files[]")
		fmt.Fprintf(&form, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, name)
		isFile, declared, kind := random.IntN(4) > 0, pick(types...), pick(kinds...)
		if random.IntN(2) == 0 { // a file that is what it says
			extension := pick(slices.Sorted(mapKeys(oracleTypes))...)
			names, declared = []string{"a." + extension}, oracleTypes[extension]
			for _, of := range kinds {
				if oracleContents[of] == declared {
					kind = of
				}
			}
		}
		if isFile {
			fileName := pick(names...)
			if random.IntN(10) == 0 {
				fileName = ""
			}
			fmt.Fprintf(&form, "; filename=\"%s\"", fileName)
		}
		if declared != "" {
			fmt.Fprintf(&form, "\r\nContent-Type: %s", declared)
		}
		content := contents[kind] + strings.Repeat(padding[kind], random.IntN([]int{1, 5, 500, 3000}[random.IntN(4)]))
		fmt.Fprintf(&form, "\r\n\r\n%s\r\n", content)
	}
	fmt.Fprintf(&form, "--%s--\r\n", boundary)
	return form.Bytes()
}

// randomPolicy returns a policy, which may be empty.
func randomPolicy(random *rand.Rand) Policy {
	var p Policy
	if random.IntN(3) > 0 {
		for range 1 + random.IntN(4) {
			p.Types = append(p.Types, oracleEntries[random.IntN(len(oracleEntries))])
		}
	}
	if random.IntN(3) == 0 {
		p.MaxFileSize = []int64{1, 100, 2000, 4095, 4096, 5000}[random.IntN(6)]
	}
	if random.IntN(3) == 0 {
		p.MaxFiles = 1 + random.IntN(3)
	}
	return p
}
