// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// partHeader is what the header of a form's part says. Either name is empty if
// the header has none.
type partHeader struct {
	name, filename string
	contentType    string
}

// parsePartHeader reads the unfolded lines of a part's header. What it does not
// understand in a file's name is part of the name. What would leave open which
// field a part is, it refuses.
func parsePartHeader(lines []string) (partHeader, error) {
	var header partHeader
	disposition := ""
	for _, line := range lines {
		key, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsRune(line, 0) {
			return header, errPartHeader
		}
		value = strings.Trim(value, " \t")
		switch key = strings.TrimRight(key, " \t"); {
		case strings.EqualFold(key, "Content-Type") && header.contentType == "":
			header.contentType = value
		case strings.EqualFold(key, "Content-Disposition"):
			if disposition != "" && disposition != value {
				return header, errPartHeader
			}
			disposition = value
		}
	}
	if disposition == "" {
		return header, nil
	}
	kind, rest := cutMediaType(disposition)
	names, filename, ok := namesOf(parseParameters(rest))
	if kind != "form-data" || len(names) > 1 || !ok {
		return header, errPartHeader
	}
	header.filename = filename
	if len(names) == 1 {
		header.name = names[0]
	}
	return header, nil
}

// namesOf returns all names that a part is given, and the file's. It reports
// false if a name comes in pieces (RFC 2231), which few servers put together.
func namesOf(parameters []parameter) (names []string, filename string, ok bool) {
	var extended string
	pieces := false
	for _, p := range parameters {
		switch {
		case p.key == "name":
			names = append(names, p.value)
		case p.key == "name*":
			names = append(names, decodeExtended(p.value))
		case p.key == "filename" && filename == "":
			filename = p.value
		case p.key == "filename*":
			extended = decodeExtended(p.value)
		case strings.HasPrefix(p.key, "name*"):
			return nil, "", false
		case strings.HasPrefix(p.key, "filename*"):
			pieces = true
		}
	}
	if extended != "" { // RFC 6266, section 4.3
		filename = extended
	}
	return names, baseName(filename), filename != "" || !pieces
}

// parameter is `key=value` in a header, its key in lower case.
type parameter struct{ key, value string }

// cutMediaType returns the first word of a header's value, in lower case, and
// the parameters behind it. A comma parts them in RFC 1867's own example.
func cutMediaType(value string) (mediaType, parameters string) {
	value = strings.TrimLeft(value, " \t")
	end := strings.IndexAny(value, ";, \t")
	if end < 0 {
		end = len(value)
	}
	return strings.ToLower(value[:end]), value[end:]
}

// parseParameters reads `; key=value; key="value"`, as servers do that make
// sense of what clients send: values without quotes may hold blanks, and
// values in quotes may hold quotes and backslashes that nobody has escaped.
func parseParameters(text string) []parameter {
	var parameters []parameter
	for {
		text = strings.TrimLeft(text, ";, \t")
		if text == "" {
			return parameters
		}
		end := strings.IndexAny(text, ";=")
		if end < 0 {
			return parameters
		}
		if text[end] == ';' { // a word without a value
			text = text[end:]
			continue
		}
		key := strings.ToLower(strings.TrimRight(text[:end], " \t"))
		value := strings.TrimLeft(text[end+1:], " \t")
		if quoted, ok := strings.CutPrefix(value, `"`); ok {
			value, text = cutQuoted(quoted)
		} else {
			value, text, _ = strings.Cut(value, ";")
			value = strings.TrimRight(value, " \t")
		}
		parameters = append(parameters, parameter{key, value})
	}
}

// cutQuoted reads a value up to its closing quote: the first one that the value
// can end with and that no backslash escapes, so that `a"b.txt"` is one value. If
// there is none, the last backslash stood for itself: in Shift_JIS, Big5 and GBK
// it is the second byte of some letters, and browsers send those as they are.
func cutQuoted(text string) (value, rest string) {
	escaped, escapedEnd := false, -1
	for i := range len(text) {
		switch {
		case text[i] == '"' && endsValue(text[i+1:]):
			if !escaped {
				return unquote.Replace(text[:i]), text[i+1:]
			}
			escaped = false
			if escapedEnd < 0 {
				escapedEnd = i
			}
		default:
			escaped = text[i] == '\\' && !escaped
		}
	}
	if escapedEnd >= 0 {
		return text[:escapedEnd], text[escapedEnd+1:]
	}
	return text, ""
}

// endsValue reports whether a value can end before text.
func endsValue(text string) bool {
	text = strings.TrimLeft(text, " \t")
	return text == "" || text[0] == ';'
}

// unquote leaves the backslashes of Windows' paths alone, as servers do.
var unquote = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// decodeExtended decodes RFC 8187's `charset'language'value`, in which bytes are
// percent-encoded; some clients put quotes around it. What is not encoded so is
// returned as it is.
func decodeExtended(text string) string {
	pieces := strings.SplitN(text, "'", 3)
	if len(pieces) < 3 {
		return text
	}
	if decoded, err := url.PathUnescape(pieces[2]); err == nil {
		return decoded
	}
	return text
}

var windowsPath = regexp.MustCompile(`^(?:[A-Za-z]:)?\\`)

// baseName returns the last element of a path. Old browsers send whole ones.
func baseName(filename string) string {
	if windowsPath.MatchString(filename) {
		if base := filename[strings.LastIndexByte(filename, '\\')+1:]; base != "" {
			return base
		}
		return filename
	}
	if filename == "" {
		return ""
	}
	return path.Base(filename)
}
