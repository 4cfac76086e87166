// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

const (
	// sniffLength is how much http.DetectContentType looks at.
	sniffLength = 512
	// maxTypeLength is RFC 6838's bound of a media type, section 4.2.
	maxTypeLength = 127 + len("/") + 127
)

// storedType returns the media type that a file is stored with: the client's, as
// the service keeps it, or the one that was guessed from the bytes where the
// client's says nothing. That is `application/octet-stream`, which clients send
// for whatever they do not know, and what is no media type, such as `null`, the
// empty text, or `image/*`.
func storedType(contentType, guessed string) string {
	said := essence(contentType)
	major, minor, ok := strings.Cut(said, "/")
	if !ok || len(said) > maxTypeLength || minor == "octet-stream" || strings.Contains(major+minor, "*") {
		return guessed
	}
	return said
}

// essence returns a media type without its parameters, in lower case, or nothing
// if there is none.
func essence(contentType string) string {
	mediaType, _ := cutMediaType(contentType)
	mediaType, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	return mediaType
}

// guessType returns the media type that content looks like, with its charset.
func guessType(content io.ReaderAt) (string, error) {
	head := make([]byte, sniffLength)
	n, err := content.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return http.DetectContentType(head[:n]), nil
}
