// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// authority is a certificate authority of one's own.
type authority struct {
	t           *testing.T
	directory   string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, directory: t.TempDir()}
	a.certificate, a.key = a.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue makes a certificate and writes it and its key to files.
func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	encodedKey, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: encodedKey},
	} {
		if err := os.WriteFile(a.path(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate, key
}

func (a *authority) path(file string) string { return filepath.Join(a.directory, file) }

// serve starts a resolver over TLS that knows only clients of the authority.
func (a *authority) serve() *httptest.Server {
	a.t.Helper()
	a.issue("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"app.internal"}})
	certificate, err := tls.LoadX509KeyPair(a.path("server.crt"), a.path("server.key"))
	if err != nil {
		a.t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, fixture.Pair(r.TLS.PeerCertificates[0].Subject.CommonName, time.Now().Unix()+3600))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	a.t.Cleanup(server.Close)
	return server
}

func TestAResolverWithClientCertificatesAndAnAuthorityOfItsOwn(t *testing.T) {
	a := newAuthority(t)
	server := a.serve()
	a.issue("gateway", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	transport := `tls_trust_pool file ` + a.path("ca.crt") + "\n"
	certificate := `tls_client_auth ` + a.path("gateway.crt") + ` ` + a.path("gateway.key") + "\n"
	for name, test := range map[string]struct{ options, want string }{
		"both":                {transport + certificate, ""},
		"both, over HTTP/2":   {transport + certificate + "versions 2\n", ""},
		"another server name": {transport + certificate + "tls_server_name app.internal\n", ""},
		"no certificate":      {transport, "tls: "},
		"no authority":        {certificate, "certificate signed by unknown authority"},
		"a wrong server name": {transport + certificate + "tls_server_name app.example.com\n", "not app.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			written := new(source.Resolver)
			if err := written.UnmarshalCaddyfile(caddyfile.NewTestDispenser("resolver " + server.URL + " {\n retries 0\n transport {\n" + test.options + "}\n}")); err != nil {
				t.Fatal(err)
			}
			options, err := json.Marshal(written)
			if err != nil {
				t.Fatal(err)
			}
			resolver := mustResolver(t, string(options))
			got, err := resolver.Token(t.Context(), time.Now())
			if test.want == "" {
				if err != nil || got.Signature == "" {
					t.Errorf("got %s, %v", got, err)
				}
			} else if !errors.Is(err, source.ErrUnreachable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAResolverBehindAProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpjYW5hcnk=":
			w.WriteHeader(http.StatusProxyAuthRequired)
		case r.URL.String() == "http://app.internal/api?key=1":
			fmt.Fprint(w, fixture.Pair("through the proxy", 1900000000))
		default:
			t.Errorf("the proxy was asked for %s", r.URL)
		}
	}))
	t.Cleanup(proxy.Close)
	config := func(proxyURL string) string {
		return fmt.Sprintf(`{"url":"http://app.internal/api?key=1","insecure_http":true,"retries":0,"transport":{"protocol":"http","network_proxy":{"from":"url","url":%q}}}`, proxyURL)
	}
	address := strings.TrimPrefix(proxy.URL, "http://")
	t.Setenv("PROXY", "http://user:canary@"+address)
	for name, test := range map[string]struct{ proxy, want string }{
		"plain":            {"http://user:canary@" + address, ""},
		"with a variable":  {"{env.PROXY}", ""},
		"a wrong password": {"http://canary:canary2@" + address, "407 Proxy Authentication Required"},
		"no server there":  {"http://user:canary@127.0.0.1:1", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mustResolver(t, config(test.proxy)).Token(t.Context(), time.Now())
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows a secret: %v", err)
			}
			if test.want == "" {
				if err != nil || got.Expire != 1900000000 {
					t.Errorf("got %s, %v", got, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// The error of dialling is reported, though Caddy's transport hides what it is.
func TestAResolverThatIsNotThereIsUnreachable(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	resolver := mustResolver(t, `{"url":"`+closed.URL+`/api?canary","retries":1}`)
	_, err := resolver.Token(t.Context(), time.Now())
	if !errors.Is(err, source.ErrUnreachable) || !strings.Contains(err.Error(), closed.URL+": ") || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

func TestAnUploadThatOutlivesItsConfigMayStillAskTheResolver(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, fixture.Pair(fixture.Secret, 1900000000))
	}))
	t.Cleanup(server.Close)
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	loaded, err := ctx.LoadModuleByID("uploadcare.sources.resolver", json.RawMessage(`{"url":"`+server.URL+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	cancel() // which cleans the transport up
	if _, err := loaded.(*source.Resolver).Token(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
}

// Invariant 4, in part: asking leaves no goroutine behind, whether or not there
// is a response; not even one that waits for TLS.
func TestInvariant4NothingIsLeftOfAsking(t *testing.T) {
	before := goleak.IgnoreCurrent()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, fixture.Pair(fixture.Secret, 1900000000))
	}))
	defer server.Close()
	for address, timeout := range map[string]string{
		server.URL: "1m", "http://" + silent.Addr().String(): "100ms", "https://" + silent.Addr().String(): "100ms",
	} {
		resolver := mustResolver(t, `{"url":"`+address+`","timeout":"`+timeout+`","retries":1}`)
		_, err := resolver.Token(t.Context(), time.Now())
		if (err == nil) != (address == server.URL) {
			t.Errorf("%s: %v", address, err)
		}
	}
	server.Close()
	goleak.VerifyNone(t, before)
}
