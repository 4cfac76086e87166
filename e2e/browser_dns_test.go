// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// builtIn is a page whose uploaders use the address that is built into them, in a browser
// that resolves that name to the gateway.
type builtIn struct {
	*transparentSite
	page string // lacks the public key
}

func startBuiltIn(t *testing.T) builtIn {
	t.Helper()
	requireBrowser(t)
	pages := httptest.NewServer(http.FileServer(http.Dir("browser")))
	t.Cleanup(pages.Close)
	return builtIn{startTransparentSite(t, ""), pages.URL + "/untouched.html?key="}
}

// visit uploads with one of the page's clients.
func (b builtIn) visit(t *testing.T, key string, upload uploading, arguments ...string) visit {
	t.Helper()
	return drive(t, job{
		Arguments: arguments,
		Page:      b.page + key,
		Uploads:   []uploading{upload},
	}, "MAP "+uploadHost+" 127.0.0.1:"+b.port)
}

// trust returns the argument with which Chromium takes the certificates of the
// gateway's authority, and no others: the hash of the key that signs them.
func (b builtIn) trust(t *testing.T) string {
	t.Helper()
	_, response := get(t, "http://"+b.process.admin+"/pki/ca/local")
	var authority struct {
		Intermediate string `json:"intermediate_certificate"`
	}
	parse(t, string(response), &authority)
	block, _ := pem.Decode([]byte(authority.Intermediate))
	if block == nil {
		t.Fatalf("no certificate in %q", response)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return "--ignore-certificate-errors-spki-list=" + base64.StdEncoding.EncodeToString(sum[:])
}

var untouchedClients = []struct{ client, name string }{
	{"widget", "uploadcare-widget 3.24.0"},
	{"uploader", "@uploadcare/file-uploader 1.33.2"},
	{"client", "@uploadcare/upload-client 6.21.0"},
}

func TestBrowserUploadsByDNS(t *testing.T) {
	site := startBuiltIn(t)
	for i, tc := range untouchedClients {
		t.Run(tc.client, func(t *testing.T) {
			tried(t, tc.name+", Chromium", "/base/", "DNS")
			file := picture(t, "sunset.png", uint8(20*i))
			visit := site.visit(t, publicKey, with(tc.client, file), site.trust(t))
			if failure := visit.Outcomes[0].Failure; failure != "" {
				t.Fatalf("the page says %q", failure)
			}
			wantStored(t, site.sandbox, visit.Outcomes[0].UUID, file)
			visit.wantUploadTo(t, "https://"+uploadHost+"/base/")
			visit.wantUnsigned(t)
		})
	}
}

// Code and message are in the error of the client itself.
func TestBrowserClientsNameTheirErrors(t *testing.T) {
	const want = "ProjectPublicKeyInvalidError: UPLOADCARE_PUB_KEY is invalid."
	site := startBuiltIn(t)
	for _, tc := range untouchedClients {
		t.Run(tc.client, func(t *testing.T) {
			visit := site.visit(t, "otherpublickey", with(tc.client, picture(t, "sunset.png", 0)), site.trust(t))
			if got := strings.TrimSpace(visit.Outcomes[0].Failure); got != want {
				t.Errorf("the page says %q, want %q", got, want)
			}
		})
	}
}

// Without trust in the authority's certificate, the uploads above fail.
func TestBrowserRefusesAnUnknownAuthority(t *testing.T) {
	visit := startBuiltIn(t).visit(t, publicKey, with("client", picture(t, "sunset.png", 0)))
	if visit.Outcomes[0].Failure == "" {
		t.Errorf("the upload went through: %+v", visit.Outcomes[0])
	}
}
