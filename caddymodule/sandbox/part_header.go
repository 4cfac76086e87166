// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// partHeader is the parsed header of a form's part. Fields that the header does not have
// are empty.
type partHeader struct {
	name, filename string
	contentType    string
}

// parsePartHeader parses the unfolded lines of a part's header. What it does not understand
// in a file name belongs to the name. It refuses a header that leaves it uncertain which
// field the part is: two servers would read it differently.
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
			if disposition != "" && disposition != value { // servers take the first or the last
				return header, errPartHeader
			}
			disposition = value
		}
	}
	if disposition == "" { // a part that is skipped
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

// namesOf returns all names of a part, and its file name. It reports false if one of them
// comes in pieces (RFC 2231), which few servers join.
func namesOf(parameters []parameter) (names []string, filename string, ok bool) {
	var extended string
	pieces := false
	for _, p := range parameters {
		switch {
		case p.key == "name":
			names = append(names, p.value)
		// Some servers read it, and others do not: beside a `name` it makes two, and the
		// part is refused.
		case p.key == "name*":
			names = append(names, decodeExtended(p.value))
		case p.key == "filename" && filename == "": // the first that is not empty
			filename = p.value
		// RFC 7578, section 4.2, forbids it in forms; the library for .NET writes it.
		case p.key == "filename*":
			extended = decodeExtended(p.value)
		case strings.HasPrefix(p.key, "name*"):
			return nil, "", false
		case strings.HasPrefix(p.key, "filename*"):
			pieces = true
		}
	}
	if extended != "" { // takes precedence: RFC 6266, section 4.3
		filename = extended
	}
	return names, baseName(filename), filename != "" || !pieces
}

// parameter is `key=value` in a header, its key in lower case.
type parameter struct{ key, value string }

// cutMediaType returns the first word of a header's value, in lower case, and the
// parameters behind it. They are separated by a comma in an example of RFC 1867.
func cutMediaType(value string) (mediaType, parameters string) {
	value = strings.TrimLeft(value, " \t")
	end := strings.IndexAny(value, ";, \t")
	if end < 0 {
		end = len(value)
	}
	return strings.ToLower(value[:end]), value[end:]
}

// parseParameters parses `; key=value; key="value"` as lenient servers do: values without
// quotes may contain blanks, and values in quotes may contain quotes and backslashes that
// are not escaped. Many clients write file names so.
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

// cutQuoted splits a value off text at its closing quote: the first quote that is followed
// by the end or a semicolon and is not escaped, so that `a"b.txt"` is one value. If there is
// none, the last backslash stood for itself: in Shift_JIS, Big5 and GBK it is the second
// byte of some characters, and browsers send those unescaped.
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

// unquote removes the escapes of quotes and backslashes, and leaves other backslashes as
// they are: those of a path of Windows.
var unquote = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// decodeExtended decodes RFC 8187's `charset'language'value`, in which bytes are
// percent-encoded. Other text is returned as it is.
func decodeExtended(text string) string {
	pieces := strings.SplitN(text, "'", 3)
	if len(pieces) < 3 {
		return text
	}
	// One that cannot be decoded is a name like any other: refusing it would lose the
	// file.
	if decoded, err := url.PathUnescape(pieces[2]); err == nil {
		return decoded
	}
	return text
}

// windowsPath matches a path with backslashes, which may also be characters of a name.
var windowsPath = regexp.MustCompile(`^(?:[A-Za-z]:)?\\`)

// baseName returns the last element of a path. Old versions of Internet Explorer send whole
// paths as file names.
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
