// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// startResuming starts an upstream that reports whether a connection has resumed a
// session.
func startResuming(t *testing.T, version uint16) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %x %v", r.Proto, r.TLS.Version, r.TLS.DidResume)
	}))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{MinVersion: version, MaxVersion: version, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// writeKeyPair writes the server's own certificate, for clients to show.
func writeKeyPair(t *testing.T, server *httptest.Server) (certificate, key string) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	certificate, key = filepath.Join(directory, "certificate.pem"), filepath.Join(directory, "key.pem")
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// A connection resumes the session of the one before, unless a client
// certificate is to be shown each time.
func TestTransportResumesSessions(t *testing.T) {
	server12, server13 := startResuming(t, tls.VersionTLS12), startResuming(t, tls.VersionTLS13)
	certificate, key := writeKeyPair(t, server13)
	shown := fmt.Sprintf(`{"insecure_skip_verify":true,"client_certificate_file":%q,"client_certificate_key_file":%q}`, certificate, key)
	tests := map[string]struct {
		url, versions, tls, want string
	}{
		"TLS 1.3":                     {server13.URL, `["1.1"]`, `{"insecure_skip_verify":true}`, "HTTP/1.1 304 true"},
		"TLS 1.2":                     {server12.URL, `["1.1"]`, `{"insecure_skip_verify":true}`, "HTTP/1.1 303 true"},
		"HTTP/2":                      {server13.URL, `["2"]`, `{"insecure_skip_verify":true}`, "HTTP/2.0 304 true"},
		"a server name of Caddy's":    {server13.URL, `["1.1"]`, `{"insecure_skip_verify":true,"server_name":"{test.name}"}`, "HTTP/1.1 304 true"},
		"a client certificate":        {server13.URL, `["1.1"]`, shown, "HTTP/1.1 304 false"},
		"a client certificate, older": {server12.URL, `["1.1"]`, shown, "HTTP/1.1 303 false"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			replacer := caddy.NewReplacer()
			replacer.Set("test.name", "example.com")
			ctx := context.WithValue(t.Context(), caddy.ReplacerCtxKey, replacer)
			tested := newTransport(t, `{"versions":`+test.versions+`,"tls":`+test.tls+`}`)
			var got string
			for range 2 {
				response, err := send(ctx, tested, test.url, "body")
				got = responseOf(t, response, err)
				_ = tested.Cleanup()
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Transports do not share sessions: one must not resume a session whose certificate
// another has not verified, or has verified by other authorities.
func TestTransportResumesNoSessionOfAnother(t *testing.T) {
	server := startResuming(t, tls.VersionTLS13)
	for _, config := range []string{`{` + insecure + `}`, `{` + insecure + `}`} {
		response, err := send(t.Context(), newTransport(t, config), server.URL, "body")
		if got := responseOf(t, response, err); got != "HTTP/2.0 304 false" {
			t.Errorf("got %s", got)
		}
	}
}
