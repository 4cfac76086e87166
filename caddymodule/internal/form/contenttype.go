// SPDX-License-Identifier: Apache-2.0

package form

import "strings"

// Media types whose bodies are forms.
const (
	MediaMultipart  = "multipart/form-data"
	MediaURLEncoded = "application/x-www-form-urlencoded"
)

// ContentType is the result of reading a request's Content-Type headers as leniently
// as possible. Servers do not agree on how to read an odd one, so it is written anew
// for the upstream: see [ContentType.String].
type ContentType struct {
	// Media is the media type in lower case, or empty if there is none. Of several,
	// that of a form wins.
	Media string
	// Charset is the charset parameter, or empty if there is none that is a token.
	Charset string
	// Foreign says that some server may find a charset other than UTF-8, and decode values
	// by it, those of the query too.
	Foreign bool

	boundary string   // the likeliest
	others   []string // by other readings
	settling settling // which of them is the form's
	plain    bool     // it is written as nearly all clients write it
}

// plainMultipart is the beginning of a form's Content-Type as nearly all clients write
// it.
const plainMultipart = MediaMultipart + "; boundary="

// ParseContentType parses the values of a request's Content-Type headers. The error is
// ErrCharset, with any media type, or ErrNoBoundary or ErrInvalidBoundary, for a
// multipart form. The ContentType is valid in either case, but for its boundary.
func ParseContentType(values []string) (ContentType, error) {
	if len(values) == 1 {
		if boundary, ok := strings.CutPrefix(values[0], plainMultipart); ok && isSafeBoundary(boundary) {
			return ContentType{Media: MediaMultipart, boundary: boundary, plain: true}, nil
		}
	}
	all := strings.Join(values, ", ") // RFC 9110, section 5.2
	charset, foreign, err := parseCharset(all)
	t := ContentType{Media: mediaTypeOf(all), Charset: charset, Foreign: foreign}
	if err != nil || t.Media != MediaMultipart {
		return t, err
	}
	boundaries, found := boundariesIn(all)
	switch {
	case !found:
		return t, ErrNoBoundary
	case len(boundaries) == 0:
		return t, ErrInvalidBoundary
	case len(boundaries) > maxBoundaries:
		return t, errManyBoundaries
	}
	t.boundary, t.others = boundaries[0], boundaries[1:]
	if indexFoldASCII(t.boundary, "charset") >= 0 { // which is no parameter
		i := indexFoldASCII(all, boundaryName)
		_, behind, _ := strings.Cut(all[i:], t.boundary)
		t.Charset, t.Foreign, err = parseCharset(all[:i] + behind)
	}
	return t, err
}

// mediaTypeOf returns the media type in a joined header. A client may have sent several
// headers, and servers take the first or the last: that of a form counts, since it is
// the one that has to be edited.
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

// Boundary returns the form's boundary. If several are possible, [ContentType.Settle]
// must be called first.
func (t *ContentType) Boundary() string { return t.boundary }

// Settled reports whether only one boundary is possible.
func (t *ContentType) Settled() bool { return len(t.others) == 0 }

// IsWritten reports whether values are exactly what String returns, as nearly all
// clients write it. Then the header need not be written anew.
func (t *ContentType) IsWritten(values []string) bool {
	if len(values) != 1 {
		return false
	}
	if boundary, ok := strings.CutPrefix(values[0], plainMultipart); ok && boundary == t.boundary && t.Charset == "" {
		return t.plain || isSafeBoundary(boundary)
	}
	return values[0] == t.String()
}

// String returns the Content-Type in the spelling that all servers read alike: the
// media type in lower case; for a multipart form one boundary, without quotes if no
// server needs them; and the charset.
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
