// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
)

// FuzzAddress: a resolver's address that is taken leads, by Go's client, to TLS or to this
// machine, and is read again as the same; and the error of one that is not shows nothing
// of it.
func FuzzAddress(f *testing.F) {
	for _, address := range []string{
		"https://user:password@app.example.com:8443/sign?key=k#f", "http://localhost/", "http://127.0.0.1:80/a", "http://[::ffff:127.0.0.1]/", "HTTP://a.localhost./",
		"http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://0x7f.1/", "http:127.0.0.1", "ftp://localhost/", "https:///a",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := resolver.ParseAddress(text, false)
		if err != nil {
			for word := range strings.FieldsSeq(strings.NewReplacer("/", " ", "@", " ", "?", " ").Replace(text)) {
				if len(word) > 16 && strings.ContainsAny(word, "0123456789") && strings.Contains(err.Error(), word) {
					t.Fatalf("the error shows %q: %v", word, err)
				}
			}
			return
		}
		request, err := http.NewRequest(http.MethodGet, address.String(), nil)
		if err != nil {
			t.Fatalf("%q is taken: %v", text, err)
		}
		host := strings.TrimSuffix(strings.ToLower(request.URL.Hostname()), ".")
		isLocal := host == "localhost" || strings.HasSuffix(host, ".localhost")
		if ip := net.ParseIP(strings.Split(host, "%")[0]); ip != nil {
			isLocal = ip.IsLoopback()
		}
		if request.URL.Scheme != "https" && (request.URL.Scheme != "http" || !isLocal) {
			t.Fatalf("%q is taken, and leads to %s", text, request.URL)
		}
		if again, err := resolver.ParseAddress(address.String(), false); err != nil || again.String() != address.String() {
			t.Fatalf("%q is read as %q, and then as %q, %v", text, address, again, err)
		}
	})
}
