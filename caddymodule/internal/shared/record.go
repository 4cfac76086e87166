// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	// recordVersion is to be changed when older gateways of the same fleet would
	// misread a record. They ignore records of other versions.
	recordVersion = 1
	// maxRecord bounds a record, in bytes; it is more than the largest token needs.
	maxRecord = 16 << 10
	// directory is the prefix of all keys of records.
	directory = "uploadcare/tokens"
)

// record is the stored form of a token. What was minted here is never stored, and
// neither is a secret key.
type record struct {
	Version     int    `json:"v"`
	Signature   string `json:"signature,omitempty"`
	AccessToken string `json:"token,omitempty"`
	Issued      int64  `json:"issued"`
	Expire      int64  `json:"expire"`
}

// Key returns the key of the record for tokens that depend on parts, such as a public
// key and a caller's Authorization. It is a hash, for keys are visible in a storage
// and its logs. The lock of the record has the same name.
func Key(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(hash, "%q ", part) // quoted, so that "a","b" differs from "a b"
	}
	return directory + "/" + hex.EncodeToString(hash.Sum(nil)) + ".json"
}

// encode returns the record of a token as JSON.
func encode(t token.Token) ([]byte, error) {
	return json.Marshal(record{recordVersion, t.Signature, t.AccessToken, t.Issued, t.Expire}) //nolint:gosec // to be shared is what it is for
}

// decode returns the token in a record. Anything that can write to the storage may
// have written it, so the values are checked as those of a response, and what is not
// a record of this version counts as none.
func decode(data []byte) (_ token.Token, ok bool) {
	var r record
	if len(data) > maxRecord || json.Unmarshal(data, &r) != nil || r.Version != recordVersion {
		return token.Token{}, false
	}
	t := token.Token{Signature: r.Signature, AccessToken: r.AccessToken, Issued: r.Issued, Expire: r.Expire}
	if resolver.Check(t) != nil || t.Issued >= t.Expire {
		return token.Token{}, false
	}
	return t, true
}
