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
	// sniffLength is how many bytes http.DetectContentType examines.
	sniffLength = 512
	// maxTypeLength is the length of the longest media type (RFC 6838, section 4.2).
	maxTypeLength = 127 + len("/") + 127
)

// storedType returns the media type with which a file is stored: the client's, as on the
// service, or the one that was guessed from the bytes if the client's says nothing. That is
// `application/octet-stream`, which clients send if they do not know the type, and what is
// no media type, such as `null`, an empty text, or `image/*`.
func storedType(contentType, guessed string) string {
	said := essence(contentType)
	major, minor, ok := strings.Cut(said, "/")
	// With any first half: S3 and its clients write binary/octet-stream.
	if !ok || len(said) > maxTypeLength || minor == "octet-stream" || strings.Contains(major+minor, "*") {
		return guessed
	}
	return said
}

// essence returns a media type without its parameters, in lower case, or "" if it is invalid.
func essence(contentType string) string {
	// ParseMediaType has an error for a broken parameter, which must not cost the type.
	mediaType, _ := cutMediaType(contentType)
	mediaType, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	return mediaType
}

// guessType guesses the media type of content, with its charset, from the first bytes.
func guessType(content io.ReaderAt) (string, error) {
	head := make([]byte, sniffLength)
	n, err := content.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return http.DetectContentType(head[:n]), nil
}
