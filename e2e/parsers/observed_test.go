// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// A rule on types is as strong as the weakest reading: each file name and type that a
// parser reads in what leaves, the gateway has known, or it has known that it does not.
func TestFileNamesAndTypesAreKnown(t *testing.T) {
	s := theSuite(t)
	forms := disguisedFiles()
	for number := range uint64(ofFlag(0, 1200, 20_000)) { //nolint:gosec // a count
		if client := newMutant(16, number).request; client.isMultipart() {
			forms = append(forms, client)
		}
	}
	var messages []message
	var known []fixture.KnownFiles
	var lefts []request
	doubtful, refusals := 0, 0
	for _, client := range forms {
		observed, left, err := fixture.Known(client.contentType, client.body, credentialNames)
		if err != nil || observed.Doubtful {
			doubtful++
			if err != nil {
				refusals++
			}
			continue
		}
		anew := request{contentType: left.ContentType, body: left.Body}
		messages, known, lefts = append(messages, anew.message()), append(known, observed), append(lefts, anew)
	}
	failed, kinds := 0, make(map[string][]string)
	for i, readings := range s.read(t, messages) {
		for j, r := range s.readers {
			if problem := unknown(&known[i], &readings[j]); problem != "" {
				if failed++; failed <= 20 {
					t.Errorf("%s reads %s; known are %q of types %q\n%s", r.name, problem, known[i].FileNames, known[i].Types, lefts[i])
				}
				kinds[problem] = append(kinds[problem], r.name)
			}
		}
	}
	for problem, names := range kinds {
		t.Errorf("%s: read %d times, %q", problem, len(names), distinct(names))
	}
	t.Logf("%d forms, of which %d are doubtful or (%d) refused", len(forms), doubtful, refusals)
}

// unknown says which file name or type of a reading the gateway does not know of.
func unknown(known *fixture.KnownFiles, read *reading) string {
	if read.failed() {
		return ""
	}
	if len(read.files) > known.Files {
		return fmt.Sprintf("%d files where there are %d", len(read.files), known.Files)
	}
	for _, f := range read.files {
		name := strings.TrimSuffix(asciiOf(f.filename), ",form-data") // two dispositions, joined
		if name != "" && len(name) < 255 && !slices.ContainsFunc(known.FileNames, func(other string) bool { return asciiOf(other) == name }) {
			return fmt.Sprintf("the file name %q", f.filename)
		}
		for media := range strings.SplitSeq(f.contentType, ",") { // of several, some parsers join them all, with their parameters
			media, _, _ = strings.Cut(strings.ToLower(media), ";")
			media = strings.TrimSpace(media)
			isDefault := !strings.Contains(media, "/") || known.Untyped && (media == "application/octet-stream" || media == "application/unknown" || media == "text/plain")
			if !isDefault && !slices.Contains(known.Types, media) {
				return fmt.Sprintf("the type %q", f.contentType)
			}
		}
	}
	return ""
}

// asciiOf returns what of a file name is ASCII and prints, less blanks and quotes:
// parsers decode the rest as they please, and may take a quote for a part of the name.
func asciiOf(name string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' || c == '"' || c == '\'' {
			return -1
		}
		return c
	}, name)
}

// disguisedFiles: file names and types that some parser may read as evil ones, and that
// look like a picture to others.
func disguisedFiles() []request {
	var forms []request
	for _, header := range []string{
		`filename="a.jpg"; filename="b.exe"`, `filename="b.exe"; filename="a.jpg"`, `filename="a.jpg"; FILENAME="b.exe"`, `filename="a.jpg"; filename*=utf-8''b.exe`, `filename*=utf-8''b%2Eexe; filename="a.jpg"`, `filename*=iso-8859-1'en'b.exe`, `filename="a.jpg"; filename *=utf-8''b.exe`, `filename="utf-8''b.exe"`,
		`filename="a.jpg\".exe"`, `filename="a.exe\".jpg"`, `filename="a.jpg\\".exe"`, `filename="a.jpg\\"; x=.exe`, `filename="a.jpg\\"; x=".exe"`, `filename="a.jpg\\\".exe"`, `filename="a.jpg;.exe"`, `filename="a.exe;.jpg"`, `filename="a.exe; .jpg"`, `filename=a.exe;.jpg`, `filename=a.exe .jpg`, `filename=a.exe,.jpg`, `filename='a;b.exe'`, `filename='a.exe'; x='.jpg'`, `filename="a".exe"`, `filename="a.exe".jpg"`, `filename="a.jpg";x=".exe"`, `filename="a.jpg"; x=".exe"`, `filename="a.jpg`, `filename="a.jpg; x="b.exe"`, `filename=a.jpg"b.exe`, `filename="a.jpg""b.exe"`, `filename="a.jpg" "b.exe"`, `filename=""a.exe""`, `filename="'a.exe'"`,
		"filename=\"a.exe\x00.jpg\"", "filename=\"a.exe%00.jpg\"", "filename=\"a.exe\x0b.jpg\"", "filename=\"a.exe\x1f.jpg\"", "filename=\"a.exe\x7f\"", "filename=\"a.jpg\x0bContent-Type: text/html\"", `filename="a.jpg/../b.exe"`, `filename="b.exe/a.jpg"`, `filename="b.exe/"`, `filename="a.jpg\b.exe"`, `filename="C:\x\b.exe"`, `filename="a.jpg%2Fb.exe"`, `filename="a.jpg%5cb.exe"`, `filename="a%2Eexe"`, `filename="a%252Eexe"`, `filename="a.jpg%u002eexe"`, `filename="a.%exe"`, `filename="a&#46;exe"`, `filename="a&#0046;exe"`, `filename="a&#x2e;exe"`, `filename="a%22;.exe"`,
		`filename="=?utf-8?B?Yi5leGU=?="`, `filename="=?utf-8?q?b=2Eexe?="`, `filename="=?utf-8?q?b?= =?utf-8?q?=2Eexe?="`, `filename==?utf-8?q?b.exe?=`, `filename="a.jpg;filename=b.exe;.jpg"`, `filename="a.jpg\"; filename=\"b.exe"`, `filename="a.jpg" filename="b.exe"`, `filename="a.jpg",filename="b.exe"`, `filename="a.jpg";filename="b.exe"`, `filename="a.jpg"; x-filename="b.exe"`, `filename="a.jpg"; "filename"="b.exe"`, `filename="a.jpg"; file name="b.exe"`, "filename=\"a.jpg\"; \xc2\xa0filename=\"b.exe\"", "filename=\"a.jpg\"; \x0bfilename=\"b.exe\"", "filename=\"a.jpg\"; filename\x00=\"b.exe\"", "filename=\"a.jpg\"; filename\r\n =\"b.exe\"", "filename=\"a.jpg\";\r\n filename=\"b.exe\"",
		`filename*0="b."; filename*1="exe"`, `filename*1="exe"; filename*0="b."`, `filename*0*=utf-8''b%2E; filename*1=exe`, `filename="a.jpg"; filename*0="b.exe"`, `filename*0="b.exe"; filename*2=".jpg"`, `filename*="utf-8''b.exe"`, `filename*=b.exe`, `filename*=''b.exe`, `filename*=utf-16''b%00.%00e`,
		"filename=\"a.jpg\"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.exe\"", "filename=\"a.jpg\"\r\nContent-Type: image/jpeg; name=\"b.exe\"", "filename=\"a.jpg\n.exe\"", "filename=\"a.jpg\r.exe\"", "filename=\"a.jpg\r\n .exe\"", "filename=\"a.jpg\r\n.exe\"", "filename=\"a.jpg\"\r\nX: filename=b.exe", "filename=\"a.jpg\"\r\nX-Content-Disposition: form-data; filename=\"b.exe\"", "filename = \"b.exe\"", "filename= b.exe ", "filename=\"b.exe\" ; a=b", "FileName=\"b.exe\"", "filename=", "filename", "filename=\"\"; filename=b.exe",
	} {
		header = disposition("file") + "; " + header
		forms = append(forms, rawForm(plainType, bodyOf(plainBoundary, plainKey, header+"\r\n\r\n"+picture)), rawForm(plainType, bodyOf(plainBoundary, plainKey, header+"\r\nContent-Type: image/jpeg\r\n\r\n"+picture)))
	}
	for _, lines := range []string{
		"Content-Type: image/png\r\nContent-Type: text/html", "content-type: IMAGE/PNG", "Content-Type : text/html", "Content-Type: image/png, text/html", "Content-Type: image/png; a=b, text/html", "Content-Type: image/png;text/html", "Content-Type:image/png", "Content-Type:\timage/png", "Content-Type: image/png text/html", "Content-Type: image/png\r\n text/html", "Content-Type:\r\n text/html", "Content-Type: image/png;\r\n x=text/html", "Content-Type: \"text/html\"", "Content-Type: image/(x)png", "Content-Type: image/png\x00text/html", "Content-Type: image/png\x0btext/html", "Content-Type: image/png\x1ftext/html", "Content-Type: image%2Fpng", "Content-Type: =?utf-8?q?text/html?=", "Content_Type: text/html", "Content-Type\x00: text/html", "\xc2\xa0Content-Type: text/html", "X: y\r\n Content-Type: text/html", "X: y\nContent-Type: text/html", "X: y\rContent-Type: text/html", "X: y\x0bContent-Type: text/html", "Content-Type text/html", "Content-Type; text/html", "X-Content-Type: text/html", "Content-Type: ; text/html", "Content-Type: text", "Content-Type: */*", "Content-Type: .jpg", "Content-Type: image/png/text/html", "Content-Type: image/png=text/html", "Content-Type: multipart/mixed", "Content-Type: message/rfc822",
	} {
		for _, first := range []string{"", "Content-Type: image/jpeg\r\n"} {
			forms = append(forms, rawForm(plainType, bodyOf(plainBoundary, plainKey, disposition("file")+"; filename=\"cat.jpg\"\r\n"+first+lines+"\r\n\r\n"+picture)),
				rawForm(plainType, bodyOf(plainBoundary, plainKey, first+lines+"\r\n"+disposition("file")+"; filename=\"cat.jpg\"\r\n\r\n"+picture)))
		}
	}
	for _, header := range []string{ // files to some, perhaps
		disposition("file"), disposition("file") + "; filename", disposition("file") + "; file=\"a.exe\"", disposition("file") + "; size=10", disposition("file") + "; filename*", disposition("file") + "; filename*0", `Content-Disposition: attachment; name="file"`, `Content-Disposition: file; name="file"`, `Content-Disposition: form-data; name=file`,
	} {
		for _, lines := range []string{"", "\r\nContent-Transfer-Encoding: binary", "\r\nContent-Transfer-Encoding: base64", "\r\nContent-Length: 10", "\r\nContent-Encoding: gzip", "\r\nContent-ID: <a>", "\r\nContent-Location: a.exe", "\r\nContent-Description: a.exe", "\r\nContent-Type:", "\r\nContent-Type: ;name=a.exe", "\r\nContent-Type: text/plain", "\r\nContent-Type: TEXT/html"} {
			forms = append(forms, rawForm(plainType, bodyOf(plainBoundary, plainKey, header+lines+"\r\n\r\n"+picture)))
		}
	}
	return forms
}
