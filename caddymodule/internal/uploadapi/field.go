// SPDX-License-Identifier: Apache-2.0

package uploadapi

// Names of form fields and query parameters.
const (
	FieldPublicKey = "UPLOADCARE_PUB_KEY"
	FieldSignature = "signature"
	FieldExpire    = "expire"

	// The legacy widget's iframe transport has names of its own.
	FieldIframeSignature = "UPLOADCARE_SIGNATURE"
	FieldIframeExpire    = "UPLOADCARE_EXPIRE"

	// FieldStore says whether to keep the file: 0, 1, or auto, which is as the project's
	// settings say.
	FieldStore = "UPLOADCARE_STORE"
	// ParamStore is FieldStore's name where the public key is ParamPublicKey.
	ParamStore = "store"

	// Fields of /multipart/start/ that describe the file whose parts go elsewhere; the
	// first is also the name under which /from_url/ stores the file that it fetches.
	FieldFileName    = "filename"
	FieldSize        = "size"
	FieldContentType = "content_type"
	// ParamSourceURL is the address from which /from_url/ fetches.
	ParamSourceURL = "source_url"

	// ParamPublicKey is the public key's other name, on /info/ among others.
	ParamPublicKey = "pub_key"
	// ParamFileID is the UUID of the file that /info/ describes.
	ParamFileID = "file_id"
	// ParamJSONErrors selects the JSON error dialect.
	ParamJSONErrors = "jsonerrors"
)

// CredentialFields returns every name under which a client may send a credential.
func CredentialFields() []string {
	return []string{FieldSignature, FieldExpire, FieldIframeSignature, FieldIframeExpire}
}

// Widths of a credential's two values. Both are fixed, so that the length of
// an edited form is known before its first byte is read.
const (
	// SignatureLength is the length of HMAC-SHA256 in hexadecimal.
	SignatureLength = 64
	// ExpireLength is the length of Unix seconds in decimal, from 2001 to 2286.
	ExpireLength = 10
)

// Limits that the service documents.
const (
	// DirectUploadLimit is the largest request that /base/ takes, in bytes.
	DirectUploadLimit = 100 << 20
	// MaxPublicKeyLength is a limit of this project, not of the service: public keys
	// have 20 characters, and older ones no more. What is longer is not a key, and
	// must not become one of a cache or a label of a metric.
	MaxPublicKeyLength = 64
)
