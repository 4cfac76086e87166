// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"slices"
	"strings"
)

// Media types whose bodies are forms.
const (
	MediaMultipart  = "multipart/form-data"
	MediaURLEncoded = "application/x-www-form-urlencoded"
)

// ContentType is what the Content-Type headers of a request say, read as
// leniently as can be. Servers do not agree on how to read an odd one, so it is
// written anew for them: see [ContentType.String].
type ContentType struct {
	// Media is the media type in lower case, and empty if there is none. If
	// several are given, one of a form wins.
	Media string
	// Charset is the charset that is given, if it is a token.
	Charset string

	boundary string   // the one that it can be, or the first of several
	others   []string // which it can be, too, by other readings
}

// plainMultipart is how nearly all clients begin the Content-Type of a form.
const plainMultipart = MediaMultipart + "; boundary="

// ParseContentType reads the values of a request's Content-Type headers. The
// error is ErrCharset, whatever the media type, or ErrNoBoundary or
// ErrInvalidBoundary for a multipart form.
func ParseContentType(values []string) (ContentType, error) {
	if len(values) == 1 {
		if boundary, ok := strings.CutPrefix(values[0], plainMultipart); ok && isSafeBoundary(boundary) {
			return ContentType{Media: MediaMultipart, boundary: boundary}, nil
		}
	}
	all := strings.Join(values, ", ") // RFC 9110, section 5.2
	charset, err := parseCharset(all)
	t := ContentType{Media: mediaTypeOf(all), Charset: charset}
	if err != nil || t.Media != MediaMultipart {
		return t, err
	}
	boundaries, found := boundariesIn(all)
	switch {
	case !found:
		return t, ErrNoBoundary
	case len(boundaries) == 0:
		return t, ErrInvalidBoundary
	}
	t.boundary, t.others = boundaries[0], boundaries[1:]
	return t, nil
}

// mediaTypeOf returns the media type in a joined header.
func mediaTypeOf(header string) string {
	first := ""
	for element := range strings.SplitSeq(header, ",") {
		media := strings.Trim(element, " \t")
		if end := strings.IndexAny(media, "; \t"); end >= 0 {
			media = media[:end]
		}
		media = strings.ToLower(media)
		switch {
		case media == MediaMultipart:
			return media
		case first == "", media == MediaURLEncoded:
			first = media
		}
	}
	return first
}

// Boundary returns the form's boundary. If others are possible, that is to be
// settled first: see [ContentType.Settle].
func (t *ContentType) Boundary() string { return t.boundary }

// Settled reports whether the boundary can be but one.
func (t *ContentType) Settled() bool { return len(t.others) == 0 }

// Settle decides which of several boundaries is the form's, given how the body
// begins: the one in the first line that is a delimiter by any of them. It
// reports false if more of the body is needed to tell; final says that there is
// no more.
func (t *ContentType) Settle(beginning []byte, final bool) bool {
	candidates := append([]string{t.boundary}, t.others...)
	// A longer one begins with a shorter one, so what the line holds must end there.
	slices.SortStableFunc(candidates, func(a, b string) int { return len(b) - len(a) })
	for line := beginning; ; {
		for _, candidate := range candidates {
			if len(line) > len(dashes) && !bytes.HasPrefix(line, dashes) {
				break // as almost every line
			}
			delimiter := []byte("--" + candidate)
			rest, ok := bytes.CutPrefix(line, delimiter)
			switch {
			case !final && (bytes.HasPrefix(delimiter, line) || ok && len(rest) < endingLength):
				return false
			case ok && (bytes.HasPrefix(rest, crlf) || bytes.HasPrefix(rest, dashes) || final && len(bytes.Trim(rest, "\r\n")) == 0):
				t.boundary, t.others = candidate, nil
				return true
			}
		}
		var found bool
		if _, line, found = bytes.Cut(line, crlf); !found {
			break
		}
	}
	if final || len(beginning) > MaxPreambleSize+MaxBoundaryLength {
		t.others = nil
		return true
	}
	return false
}

// IsWritten reports whether values are the one that String returns, as nearly
// all clients write it.
func (t *ContentType) IsWritten(values []string) bool {
	if len(values) != 1 {
		return false
	}
	if boundary, ok := strings.CutPrefix(values[0], plainMultipart); ok && boundary == t.boundary && t.Charset == "" {
		return isSafeBoundary(boundary)
	}
	return values[0] == t.String()
}

// String returns the Content-Type in the one spelling that all servers read:
// the media type in lower case, for a multipart form one boundary, without
// quotes if that leaves no doubt, and the charset.
func (t *ContentType) String() string {
	s := t.Media
	if t.boundary != "" {
		s += "; boundary="
		if isSafeBoundary(t.boundary) {
			s += t.boundary
		} else {
			s += `"` + t.boundary + `"`
		}
	}
	if t.Charset != "" {
		s += "; charset=" + t.Charset
	}
	return s
}
