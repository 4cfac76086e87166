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
	// recordVersion changes when older gateways would misread a record.
	recordVersion = 1
	// maxRecord is more than any record has.
	maxRecord = 16 << 10
	// directory is where the records are.
	directory = "uploadcare/tokens"
)

// record is a token as it is stored.
type record struct {
	Version     int    `json:"v"`
	Signature   string `json:"signature,omitempty"`
	AccessToken string `json:"token,omitempty"`
	Issued      int64  `json:"issued"`
	Expire      int64  `json:"expire"`
}

// Key returns the key of the record for tokens that depend on parts. It shows
// nothing of them. The lock for it has the same name.
func Key(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(hash, "%q ", part)
	}
	return directory + "/" + hex.EncodeToString(hash.Sum(nil)) + ".json"
}

func encode(t token.Token) ([]byte, error) {
	return json.Marshal(record{recordVersion, t.Signature, t.AccessToken, t.Issued, t.Expire}) //nolint:gosec // to be shared is what it is for
}

// decode returns the token in a record. Whoever can write to the storage may
// have written anything: what is no record of this version is none at all.
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
