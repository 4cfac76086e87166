// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Vault is a source of one's own, with secret keys that take turns. In a
// Caddyfile it is the subdirective `vault <key...>` of a project.
type Vault struct {
	Keys []string `json:"keys,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (Vault) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  source.Namespace + ".vault",
		New: func() caddy.Module { return new(Vault) },
	}
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens.
func (v *Vault) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	v.Keys = d.RemainingArgs()
	return nil
}

// SecretKeys implements [source.KeyedSource].
func (v *Vault) SecretKeys() []source.Key {
	keys := make([]source.Key, len(v.Keys))
	for i, key := range v.Keys {
		keys[i] = vaultKey(key)
	}
	return keys
}

// Token implements [source.Source].
func (v *Vault) Token(ctx context.Context, now time.Time) (source.Token, error) {
	return v.SecretKeys()[0].Token(ctx, now)
}

// CacheKey implements [source.Source].
func (v *Vault) CacheKey() (all string) {
	for _, key := range v.Keys {
		all += strconv.Quote(key)
	}
	return all
}

// vaultKey is one of the keys.
type vaultKey string

// Token implements [source.Source].
func (k vaultKey) Token(_ context.Context, now time.Time) (source.Token, error) {
	expire := now.Add(30 * time.Minute).Unix()
	return source.Token{Signature: k.sign(expire), Issued: now.Unix(), Expire: expire}, nil
}

// CacheKey implements [source.Source].
func (k vaultKey) CacheKey() string { return string(k) }

// Made implements [source.Key].
func (k vaultKey) Made(t source.Token) bool {
	return hmac.Equal([]byte(t.Signature), []byte(k.sign(t.Expire)))
}

func (k vaultKey) sign(expire int64) string {
	mac := hmac.New(sha256.New, []byte(k))
	mac.Write(strconv.AppendInt(nil, expire, 10))
	return hex.EncodeToString(mac.Sum(nil))
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*Vault)(nil)
	_ source.KeyedSource    = (*Vault)(nil)
	_ source.Key            = vaultKey("")
)

// A program with the gateway's modules registers its own beside them.
func Example() {
	caddy.RegisterModule(Vault{})

	vault := &Vault{Keys: []string{"old", "new"}}
	first, err := vault.Token(context.Background(), time.Unix(1_700_000_000, 0))
	if err != nil {
		panic(err)
	}
	for i, key := range vault.SecretKeys() {
		fmt.Printf("key %d has made it: %t\n", i+1, key.Made(first))
	}
	// Output:
	// key 1 has made it: true
	// key 2 has made it: false
}
