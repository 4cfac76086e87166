// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox/demo"
)

// signedPage is the page on which File Uploader signs, straight against the sandbox.
func (d demonstration) signedPage() string { return d.sandbox + "/demo/signed.html" }

// signing returns the configuration of a demonstration whose sandbox has a handler before
// it, at the address that the page asks for a signature.
func (d demonstration) signing(handler string) string {
	const sandbox = "\tuploadcare_sandbox {"
	return strings.Replace(d.caddyfile(), sandbox, "\thandle /api/uploadcare-signature {\n\t\t"+handler+"\n\t}\n"+sandbox, 1)
}

// A page that can sign needs no gateway, but an address that hands out signatures.
func TestBrowserSignsItsUploads(t *testing.T) {
	requireBrowser(t)
	d := newDemonstration(t)
	start(t, d.signing("uploadcare_signature {\n\t\t\tproject "+publicKey+" {\n\t\t\t\tsecret_key demosecretkey\n\t\t\t\tcallers anyone\n\t\t\t}\n\t\t}"))
	file := picture(t, "sunset.png", 0)
	visit := drive(t, job{Page: d.signedPage(), Uploads: []uploading{with("uploader", file)}})
	if failure := visit.Outcomes[0].Failure; failure != "" {
		t.Fatalf("the page says %q", failure)
	}
	wantStored(t, d.sandbox, visit.Outcomes[0].UUID, file)
	visit.wantUploadTo(t, d.sandbox+"/base/")
	if !slices.ContainsFunc(visit.Fields, func(f sentField) bool { return f.Name == "signature" && len(f.Value) == 64 }) {
		t.Errorf("the page sent no signature: %v", visit.Fields)
	}
	if slices.ContainsFunc(visit.Requests, func(r sentRequest) bool { return strings.HasPrefix(r.URL, d.gateway) }) {
		t.Errorf("the page asked the gateway: %v", visit.Requests)
	}
}

// Where there is no signature to be had, the page says so.
func TestBrowserSaysThatThereIsNoSignature(t *testing.T) {
	requireBrowser(t)
	d := newDemonstration(t)
	start(t, d.signing("respond 403"))
	visit := drive(t, job{Page: d.signedPage(), Uploads: []uploading{with("uploader", picture(t, "sunset.png", 0))}})
	if got, want := visit.Outcomes[0].Failure, "There is no signature: /api/uploadcare-signature responded with 403. Please try again."; got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	if count := d.stored(t); count != 0 {
		t.Errorf("%d files are stored", count)
	}
}

// The same file, sent past the gateway, shows what the gateway is for.
func TestBrowserUploadsPastTheGateway(t *testing.T) {
	d := demonstrate(t, publicKey)
	visit := drive(t, job{Page: d.page, Uploads: []uploading{
		with("form past the gateway", picture(t, "sunset.png", 0)),
		with("form", picture(t, "sunset.png", 0)),
	}})
	if got, want := visit.Outcomes[0].Failure, "400: `signature` is required. So much for the same file without the gateway."; got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	if visit.Outcomes[1].UUID == "" {
		t.Errorf("through the gateway: %q", visit.Outcomes[1].Failure)
	}
}

// Where the CDN cannot be reached, the page says what to do.
func TestBrowserSaysWhatToDoWithoutTheCDN(t *testing.T) {
	requireBrowser(t)
	d := newDemonstration(t)
	d.page = servePage(t, d, demo.Options{Scripts: "http://cdn.example.com/npm"}) // which no name server knows
	start(t, d.caddyfile())
	visit := drive(t, job{Page: d.page, Uploads: []uploading{with("without its script", "widget"), with("without its script", "uploader")}})
	for i, npm := range []string{"npm install uploadcare-widget@3.24.0", "npm install @uploadcare/file-uploader@1.33.2"} {
		got := visit.Outcomes[i].Failure
		if !strings.Contains(got, "could not be loaded from cdn.example.com") || !strings.Contains(got, npm) {
			t.Errorf("the page says %q", got)
		}
	}
}
