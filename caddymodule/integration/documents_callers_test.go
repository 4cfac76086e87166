// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// callersDocument has the recipes for who may upload. That strangers may not is shown by
// TestCompleteConfigsInTheDocumentsTakeUploads, but for what cannot be staged there.
const callersDocument = "docs/callers.md"

// gatewayOf returns the Caddyfile of a recipe that has a certain text in it, for a gateway
// on this machine.
func gatewayOf(t *testing.T, text, address, sandbox string) string {
	t.Helper()
	site := strings.Replace(documented(t, callersDocument, text), "upload.example.com {", address+" {\n\tbind 127.0.0.1", 1)
	return strings.Replace(site, "uploadcare {\n", "uploadcare {\n\t\tproject demopublickey\n\t\tsecret_key demosecretkey\n\t\tupstream http://"+sandbox+"\n", 1) +
		sandboxAt(sandbox)
}

// A client has a certificate of the authority, or no connection.
func TestTheRecipeForCertificatesRefusesStrangers(t *testing.T) {
	devices, strangers := newAuthority(t), newAuthority(t)
	d, directory := newDemo(t), t.TempDir()
	devices.writeTo(t, filepath.Join(directory, "devices.pem"))
	startCaddy(t, here(gatewayOf(t, "client_auth", "https://"+d.secure, d.sandbox), directory))
	upload := func(certificates ...tls.Certificate) (*http.Response, error) {
		c := client(t, "HTTP/1.1")
		config := c.Transport.(*http.Transport).TLSClientConfig
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certificates) == 0 {
				return new(tls.Certificate), nil
			}
			return &certificates[0], nil // also if the server did not ask for one of this authority
		}
		return c.Do(newUpload(t, "https://"+d.secure+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
	}
	device := devices.issue(t)
	eventually(t, "there is a certificate", func() bool {
		connection, err := tls.Dial("tcp", d.secure, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
	for name, certificates := range map[string][]tls.Certificate{"none": nil, "another authority's": {strangers.issue(t)}} {
		if response, err := upload(certificates...); err == nil {
			t.Errorf("%s: response %d %s", name, response.StatusCode, readAll(t, response))
		}
	}
	response, err := upload(device)
	if err != nil {
		t.Fatal(err)
	}
	checkStored(t, d, response, "file", photo)
}

// With the least rate of the recipe, an upload that drips is given up, however often it
// sends a byte, and one that keeps the rate is not.
func TestTheRecipeForUploadsThatDripGivesThemUp(t *testing.T) {
	gateway, sandbox := freeAddress(t), freeAddress(t)
	config := gatewayOf(t, "read_timeout 1m 1024", "http://"+gateway, sandbox)
	config = strings.Replace(config, "read_timeout 1m 1024", "read_timeout 500ms 10000", 1)
	_, hash, _ := strings.Cut(config, "uploader ")
	hash, _, _ = strings.Cut(hash, "\n")
	startCaddy(t, strings.Replace(config, hash, hashedPassword, 1))
	form := formOf(key, file("file", strings.Repeat("x", 30000)))
	for name, test := range map[string]struct {
		piece  int
		status int
	}{
		"drips":          {10, http.StatusRequestTimeout},
		"keeps the rate": {5000, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			request := newUpload(t, "http://"+gateway+"/base/", &paced{rest: form, piece: test.piece, every: 20 * time.Millisecond})
			request.SetBasicAuth("uploader", visitorPassword)
			response := do(t, http.DefaultClient, request)
			if text := readAll(t, response); response.StatusCode != test.status {
				t.Errorf("response %d %q", response.StatusCode, text)
			}
		})
	}
}

// What a stranger may try against the recipes that look at headers.
func TestTheRecipesRefuseForgedHeaders(t *testing.T) {
	none := http.Header{}
	named := func(name string, values ...string) http.Header { return http.Header{name: values} }
	const apiKey, address = "X-Api-Key", "X-Forwarded-For"
	for name, test := range map[string]struct {
		recipe, environment string
		refused             []http.Header
		right               http.Header
	}{
		"an API key": {
			"header.X-Api-Key", "UPLOAD_API_KEY=" + visitorKey,
			[]http.Header{none, named(apiKey, ""), named(apiKey, "other"), named(apiKey, visitorKey+"x"), named(apiKey, "other", visitorKey), named(apiKey, "{env.UPLOAD_API_KEY}")},
			named(apiKey, visitorKey),
		},
		"an API key that is not set": {
			"header.X-Api-Key", "UPLOAD_API_KEY=",
			[]http.Header{none, named(apiKey, ""), named(apiKey, visitorKey), named(apiKey, "{env.UPLOAD_API_KEY}")},
			nil,
		},
		"addresses behind a load balancer": {
			"trusted_proxies", "",
			[]http.Header{none, named(address, "203.0.113.9"), named(address, visitorAddress+", 203.0.113.9"), named(address, visitorAddress, "203.0.113.9"), named(address, "127.0.0.1")},
			named(address, "203.0.113.9, "+visitorAddress),
		},
	} {
		t.Run(name, func(t *testing.T) {
			gateway, sandbox := freeAddress(t), freeAddress(t)
			startCaddy(t, gatewayOf(t, test.recipe, "http://"+gateway, sandbox), test.environment)
			status := func(header http.Header) int {
				request := newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", photo))))
				maps.Copy(request.Header, header)
				response := do(t, http.DefaultClient, request)
				_ = readAll(t, response)
				return response.StatusCode
			}
			for _, header := range test.refused {
				if got := status(header); got != http.StatusForbidden {
					t.Errorf("%v: response %d", header, got)
				}
			}
			if test.right != nil {
				if got := status(test.right); got != http.StatusOK {
					t.Errorf("%v: response %d", test.right, got)
				}
			}
		})
	}
}

// paced is a body that is sent piece by piece.
type paced struct {
	rest  string
	piece int
	every time.Duration
}

func (p *paced) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	time.Sleep(p.every)
	n := copy(b[:min(len(b), p.piece)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
