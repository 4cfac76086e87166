// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// exceptions are the kinds of form that are refused though most parsers read
// them alike. A form is of the kind if the reason of the refusal says so and the
// form shows it.
var exceptions = []struct {
	why     string
	refusal *regexp.Regexp
	form    func(client request) bool
}{
	{
		"a server could read a protected name in what is doubtful in a part's header",
		regexp.MustCompile(`header|parameter`), doubtfulName,
	},
	{
		"a server could read a protected name in a parameter",
		regexp.MustCompile(`parameter`), doubtfulParameter,
	},
	{
		"CR, LF and NUL in a header: servers end the header or the name there",
		regexp.MustCompile(`header`), func(client request) bool { return slices.ContainsFunc(headers(client), holdsLineEnd) },
	},
	{
		"servers lose a file without a name",
		regexp.MustCompile(`name`), func(client request) bool { return slices.ContainsFunc(headers(client), isNamelessFile) },
	},
	{
		"servers lose parts after the close",
		regexp.MustCompile(`after|delimiter`), partsAfterClose,
	},
	{
		"a server could read a protected name behind a delimiter that others do not see",
		regexp.MustCompile(`delimiter`), nameBehindDelimiter,
	},
	{
		"a charset that hides ASCII",
		regexp.MustCompile(`charset`), func(client request) bool {
			return hidesASCII.MatchString(strings.Join(client.contentType, ", "))
		},
	},
	{
		"a file of the name by which aiohttp finds the charset of fields",
		regexp.MustCompile(`protected name`), func(client request) bool {
			return slices.ContainsFunc(headers(client), func(header string) bool {
				return strings.Contains(lettersOf(header), "charset") && strings.Contains(lettersOf(header), "filename")
			})
		},
	},
	{
		"a content coding",
		regexp.MustCompile(`Content-Encoding`), func(client request) bool {
			return slices.ContainsFunc(client.contentEncoding, contentCoding.MatchString)
		},
	},
	{
		"contradicting public keys, of which most parsers see one",
		regexp.MustCompile(`more than one project|invalid`), func(client request) bool {
			text := unescape(string(client.body) + "&" + client.query)
			return strings.Count(lettersOf(text), "pubkey") > 1 || strings.Contains(text, otherKey)
		},
	},
	{
		"a boundary that some servers read in another way (cutBoundary)",
		regexp.MustCompile(`delimiter`), func(client request) bool { return otherBoundary.Match(boundaryOf(client)) },
	},
	{
		"a boundary of more than 200 characters",
		regexp.MustCompile(`boundary`), func(client request) bool { return len(boundaryOf(client)) > 200 },
	},
	{
		"an epilogue of more than 64 KiB",
		regexp.MustCompile(`after the closing`), func(client request) bool {
			_, epilogue, _ := bytes.Cut(client.body, append(append([]byte("--"), boundaryOf(client)...), "--"...))
			return len(epilogue) > 64<<10
		},
	},
}

var (
	otherBoundary = regexp.MustCompile(`(?i)^[ ']|;|=\?|boundary[ \t]*=`)
	hidesASCII    = regexp.MustCompile(`(?i)charset\s*=\s*["']?(utf-?(16|32|7)|ucs|unicode|iso-?2022|csiso2022|hz|cp?037|cp500|cp1047|ibm-?(037|500|1047)|ebcdic)`)
	contentCoding = regexp.MustCompile(`(?i)\b(gzip|x-gzip|deflate|br|compress|x-compress|zstd|aes128gcm|exi|pack200-gzip|dcb|dcz)\b`)
)

// excepted reports whether a refusal is one of the exceptions.
func excepted(client request, refusal string) bool {
	for _, exception := range exceptions {
		if exception.refusal.MatchString(refusal) && exception.form(client) {
			return true
		}
	}
	return false
}

var boundaryParameter = regexp.MustCompile(`(?i)boundary\s*=\s*("[^"]*"|[^;, \t]*)`)

// boundaryOf returns a form's boundary: one that its Content-Type names and the
// body has, or else the one that the body begins with.
func boundaryOf(client request) []byte {
	for _, match := range boundaryParameter.FindAllStringSubmatch(strings.Join(client.contentType, ", "), -1) {
		if boundary := strings.Trim(match[1], `"`); boundary != "" && bytes.Contains(client.body, []byte("--"+boundary)) {
			return []byte(boundary)
		}
	}
	_, rest, found := bytes.Cut(append([]byte("\r\n"), client.body...), []byte("\r\n--"))
	boundary, _, _ := bytes.Cut(rest, []byte("\r\n"))
	if !found || len(boundary) == 0 {
		return nil
	}
	return bytes.TrimRight(boundary, " \t")
}

// parts returns the parts of a form with their headers, as it is written.
func parts(client request) []string {
	boundary := boundaryOf(client)
	if boundary == nil {
		return nil
	}
	var list []string
	for _, piece := range bytes.Split(client.body, append([]byte("--"), boundary...))[1:] {
		list = append(list, string(bytes.TrimPrefix(piece, []byte("\r\n"))))
	}
	return list
}

// headers returns the headers of a form's parts.
func headers(client request) []string {
	list := parts(client)
	for i, part := range list {
		list[i], _, _ = strings.Cut(part, "\r\n\r\n")
	}
	return list
}

// plainHeader is a part's header as browsers write it.
var plainHeader = regexp.MustCompile(`^Content-Disposition: form-data; name="[A-Za-z_]+"(; filename="[^"\\\x00-\x1f\x7f]*[A-Za-z0-9][^"\\/\x00-\x1f\x7f]*"\r\nContent-Type: [a-z/.-]+)?$`)

var protectedLetters = regexp.MustCompile(`signature|expire|pubkey`)

// holdsProtected reports whether a protected name can be read in text.
func holdsProtected(text string) bool {
	return protectedLetters.MatchString(lettersOf(text)) || protectedLetters.MatchString(lettersOf(unescape(unescape(text))))
}

// extendedName matches a name in pieces or in a charset, which may be any.
var extendedName = regexp.MustCompile(`(?i)name[\s"]*\*`)

func doubtfulName(client request) bool {
	return slices.ContainsFunc(headers(client), func(header string) bool {
		return !plainHeader.MatchString(header) && holdsProtected(header) || strings.Contains(header, "=?") || strings.Contains(strings.ToLower(header), "multipart/") ||
			extendedName.MatchString(header)
	})
}

func doubtfulParameter(client request) bool {
	params := client.query
	if !client.isMultipart() {
		params += "&" + string(client.body)
	}
	return slices.ContainsFunc(strings.Split(params, "&"), func(parameter string) bool {
		return strings.ContainsAny(parameter, ";%") && holdsProtected(parameter)
	})
}

func holdsLineEnd(header string) bool {
	return strings.ContainsAny(strings.ReplaceAll(header, "\r\n", ""), "\r\n\x00") || strings.Contains(header, "\r\n ") || strings.Contains(header, "\r\n\t")
}

var nameParameter = regexp.MustCompile(`(?i)[ ;\t]name\s*="?[^"]`)

// hasNoName reports whether no name can be read in a part's header.
func hasNoName(header string) bool {
	return !nameParameter.MatchString(header)
}

// swallows reports whether some parsers lose what stands behind a part with a
// header: PHP stops where there is no name, Rack, cgi and HTTP::Body look for
// the end of a header that is not there beyond the next delimiter, cgi and
// CherryPy read on in the inner form. Such parts pass, since most parsers read
// on.
func swallows(header string) bool {
	return hasNoName(header) || isForm(header)
}

// isForm reports whether a part may be a form of its own.
func isForm(header string) bool {
	lower := strings.ToLower(header)
	return strings.Contains(lower, "multipart/") || strings.Contains(lower, "urlencoded")
}

func isNamelessFile(header string) bool {
	return strings.Contains(strings.ToLower(header), "filename") && hasNoName(header)
}

// partsAfterClose reports whether a delimiter follows the closing one.
func partsAfterClose(client request) bool {
	delimiter := append([]byte("--"), boundaryOf(client)...)
	_, epilogue, found := bytes.Cut(client.body, append(delimiter, "--"...))
	return found && bytes.Contains(epilogue, delimiter)
}

// nameBehindDelimiter reports whether the boundary stands where not all take it
// for a delimiter, with a protected name behind it.
func nameBehindDelimiter(client request) bool {
	delimiter := append([]byte("--"), boundaryOf(client)...)
	pieces := bytes.Split(client.body, delimiter)
	preamble := string(pieces[0])
	if holdsProtected(preamble) || preamble != "" && !strings.HasSuffix(preamble, "\r\n") && len(pieces) > 1 && holdsProtected(string(pieces[1])) {
		return true
	}
	protects := func(text []byte) bool {
		text = text[:min(len(text), 8<<10)]
		return holdsProtected(string(text)) || bytes.Contains(text, []byte("=?"))
	}
	for i, piece := range pieces[1:] {
		before := pieces[i] // of a credential, it would leave crossed out with the delimiter at its end
		if !bytes.HasPrefix(piece, []byte("\r\n")) && protects(piece) || i > 0 && !bytes.HasSuffix(before, []byte("\r\n")) && protects(before) {
			return true
		}
	}
	return false
}
