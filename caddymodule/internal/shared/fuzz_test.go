// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// FuzzRecord: whatever stands in a storage, what is read from it is a credential of the
// expected form or nothing, and is stored and read again as the same.
func FuzzRecord(f *testing.F) {
	signature := strings.Repeat("0a", 32)
	f.Add([]byte(`{"v":1,"signature":"` + signature + `","issued":1800000000,"expire":1800001800}`))
	f.Add([]byte(`{"v":1,"token":"` + jwt("1800001800") + `","issued":1800000000,"expire":1800001800}`))
	f.Add([]byte(`{"V":1,"SIGNATURE":"` + signature + `","expire":1800001800,"issued":0,"v":1}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := decode(data)
		if !ok {
			if got != (token.Token{}) {
				t.Fatalf("%q is no record, and yields %v", data, got)
			}
			return
		}
		if err := resolver.Check(got); err != nil || len(data) > maxRecord || got.Issued >= got.Expire {
			t.Fatalf("%q yields a token from %d to %d, %v", data, got.Issued, got.Expire, err)
		}
		if strings.ContainsAny(got.Signature+got.AccessToken, "\r\n\"\x00 ") {
			t.Fatalf("%q yields %q", data, got.Signature+got.AccessToken)
		}
		stored, err := encode(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, ok := decode(stored); !ok || again != got {
			t.Fatalf("%q is stored as %q, and read as %v", data, stored, again)
		}
	})
}
