// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"slices"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// maxTypedField is the size of the largest part that counts as a field although it declares a
// type, in bytes. The longest values of fields are those of metadata, 512 characters.
const maxTypedField = 4 * uploadapi.MetadataValueLength

// readClaims reads what a part says that it is: its file names and types, under every reading.
func (j *Judge) readClaims(part *form.Part) {
	// Or what the file before claimed would allow this one.
	j.claims.reset()
	for _, name := range part.FileNames {
		j.claims.name(name)
	}
	for _, mediaType := range part.Types {
		j.claims.declare(mediaType)
	}
	switch {
	// Some servers look for files within the first, and decode the second; others do not.
	case part.Nested:
		j.claims.doubt = "a part that is a form of its own"
	case part.Encoded:
		j.claims.doubt = "a part that is encoded"
	case part.Doubtful:
		j.claims.doubt = "a part whose name or type servers read in different ways"
	}
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

// isCrossedOut reports whether a part may be a typed field that was stale: its name has been
// crossed out, and in some spellings its type too. It is one only if its content is crossed
// out as well: otherwise a file could pass under that name.
func isCrossedOut(part *form.Part) bool {
	return len(part.Name) > 0 && len(bytes.Trim(part.Name, crossedOut)) == 0 && (isText(part) || len(part.Types) == 0)
}

// crossedOut is the letter that takes the place of each letter of a stale field.
const crossedOut = "x"

// isText reports whether a part declares that it is text, and nothing else.
func isText(part *form.Part) bool {
	return len(part.Types) > 0 && !slices.ContainsFunc(part.Types, func(mediaType string) bool { return mediaType != "text/plain" })
}
