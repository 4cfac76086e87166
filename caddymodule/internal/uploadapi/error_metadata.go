// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"fmt"
	"net/http"
	"strings"
)

// Limits of a file's metadata: the number of keys, and lengths in characters.
const (
	MetadataKeys        = 50
	MetadataKeyLength   = 64
	MetadataValueLength = 512
)

// MetadataField returns the name of the field with a metadata key's value.
func MetadataField(key string) string { return "metadata[" + key + "]" }

// AllowedInMetadataKey reports whether a metadata key may contain r.
func AllowedInMetadataKey(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	default:
		return strings.ContainsRune("_-.:", r)
	}
}

// ErrMetadataKeyEmpty says that a metadata field has no key.
var ErrMetadataKeyEmpty = &Error{http.StatusBadRequest, "FileMetadataKeyEmptyError", "File's metadata key can not be empty."}

// MetadataKeyDuplicated says that a metadata key was sent twice.
func MetadataKeyDuplicated(key string) *Error {
	return metadataError("FileMetadataKeyDuplicatedError", "File's metadata key `%s` has a duplicate.", key)
}

// MetadataKeyForbidden says that a metadata key has a character that keys may not have.
func MetadataKeyForbidden(key string) *Error {
	return metadataError("FileMetadataKeyForbiddenError", "File's metadata key `%s` contains symbols not allowed by the metadata key format.", key)
}

// MetadataKeyTooLong says that a metadata key is over its limit.
func MetadataKeyTooLong(key string) *Error {
	return metadataError("FileMetadataKeyLengthTooBigError", "Length of file metadata key `%s` can not be more than %d symbols.", key, MetadataKeyLength)
}

// MetadataValueEmpty says that a metadata key has no value.
func MetadataValueEmpty(key string) *Error {
	return metadataError("FileMetadataValueEmptyError", "Value of the file metadata key `%s` can not be empty.", key)
}

// MetadataValueTooLong says that a metadata value is over its limit.
func MetadataValueTooLong(key string) *Error {
	return metadataError("FileMetadataValueLengthTooBigError", "Value of file metadata's key `%s` can not be more than %d symbols in length.", key, MetadataValueLength)
}

// ErrMetadataTooManyKeys says that a file comes with more metadata than it may.
var ErrMetadataTooManyKeys = metadataError("FileMetadataKeysNumberTooBigError", "A file can not have more than %d metadata keys.", MetadataKeys)

func metadataError(code, format string, values ...any) *Error {
	return &Error{http.StatusBadRequest, code, fmt.Sprintf(format, values...)}
}
