// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"slices"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// maxTypedField is the size of the largest field that is one although it declares a type.
// The longest values are those of metadata, 512 characters.
const maxTypedField = 4 * uploadapi.MetadataValueLength

// readClaims reads what a part says that it is.
func (j *Judge) readClaims(part *form.Part) {
	j.claims.reset()
	// From nothing: what the file before claimed allows this one nothing.
	for _, name := range part.FileNames {
		j.claims.name(name)
	}
	for _, mediaType := range part.Types {
		j.claims.declare(mediaType)
	}
	switch {
	// To some servers the file is within, and to others the bytes are not the file's.
	case part.Nested:
		j.claims.doubt = "a part that is a form of its own"
	case part.Encoded:
		j.claims.doubt = "a part that is encoded"
	case part.Doubtful:
		j.claims.doubt = "a part whose name or type servers read in different ways"
	}
}

// hasForm reports whether a nested part may have files: a urlencoded one has none.
func hasForm(part *form.Part) bool {
	return len(part.Types) == 0 || slices.ContainsFunc(part.Types, func(mediaType string) bool { return strings.HasPrefix(mediaType, "multipart/") })
}

// typedFields are the names of fields that SDKs for Java, .NET and Dart send with a
// Content-Type. A few servers take each such part for a file.
var typedFields = []string{
	uploadapi.FieldPublicKey, uploadapi.ParamPublicKey, uploadapi.FieldStore, uploadapi.ParamStore, uploadapi.FieldFileID,
	uploadapi.FieldSignature, uploadapi.FieldExpire, uploadapi.FieldIframeSignature, uploadapi.FieldIframeExpire,
	"source", "UPLOADCARE_SOURCE", "file_name", "tags", "jsonerrors",
}

// isTypedField reports whether a part without a file name is such a field.
func isTypedField(part *form.Part) bool {
	name := string(part.Name)
	return isText(part) && (slices.Contains(typedFields, name) || strings.HasPrefix(name, "metadata["))
}

// isCrossedOut reports whether a part may be such a field that is stale: its name is
// crossed out, and its type as well in some spellings. Its content must be, too.
func isCrossedOut(part *form.Part) bool {
	return len(part.Name) > 0 && len(bytes.Trim(part.Name, crossedOut)) == 0 && (isText(part) || len(part.Types) == 0)
}

// crossedOut is what the letters of a stale field become.
const crossedOut = "x"

// isText reports whether a part declares that it is text, and nothing else.
func isText(part *form.Part) bool {
	return len(part.Types) > 0 && !slices.ContainsFunc(part.Types, func(mediaType string) bool { return mediaType != "text/plain" })
}
