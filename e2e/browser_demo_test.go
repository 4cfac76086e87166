// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox/demo"
)

// The clients of the demo page, as the table names them.
var demoClients = []struct{ client, name string }{
	{"form", "HTML form, fetch, Chromium"},
	{"form without JavaScript", "HTML form, Chromium"},
	{"widget", "uploadcare-widget 3.24.0, Chromium"},
	{"uploader", "@uploadcare/file-uploader 1.33.2, Chromium"},
}

// demonstration is a gateway, the sandbox behind it, and the demo page.
type demonstration struct {
	gateway, sandbox, page string
	root                   string // of the sandbox
}

// newDemonstration chooses the addresses. Nothing listens there yet.
func newDemonstration(t *testing.T) demonstration {
	t.Helper()
	return demonstration{
		gateway: "http://" + freeAddress(t),
		sandbox: "http://" + freeAddress(t),
		root:    filepath.Join(t.TempDir(), "root"),
	}
}

// demonstrate starts a demonstration whose page has the public key.
func demonstrate(t *testing.T, key string) demonstration {
	t.Helper()
	requireBrowser(t)
	d := newDemonstration(t)
	d.page = d.sandbox + "/"
	if key != publicKey { // the sandbox's page has the sandbox's key
		d.page = servePage(t, d, demo.Options{PublicKey: key, Scripts: nodeModules})
	}
	start(t, d.caddyfile())
	return d
}

// caddyfile returns the configuration, with options added to the gateway's block.
func (d demonstration) caddyfile(options ...string) string {
	scripts, _ := filepath.Abs(nodeModules) // fails only if there is no current directory
	return d.gateway + " {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject " + publicKey + "\n\t\tsecret_key demosecretkey\n" +
		"\t\tupstream " + d.sandbox + "\n\t\t" + strings.Join(options, "\n\t\t") + "\n\t}\n}\n" +
		d.sandbox + " {\n\tbind 127.0.0.1\n\tuploadcare_sandbox {\n\t\troot " + d.root + "\n\t\tdemo_gateway " + d.gateway + "\n\t\tdemo_scripts " + scripts + "\n\t}\n}\n"
}

// servePage serves the page on another origin than the sandbox's, with the
// sandbox behind it, and returns its address.
func servePage(t *testing.T, d demonstration, options demo.Options) string {
	t.Helper()
	options.Gateway = d.gateway
	page, err := demo.New(options)
	if err != nil {
		t.Fatal(err)
	}
	sandbox, err := url.Parse(d.sandbox)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(sandbox)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if demo.Serves(r.URL.Path) {
			page.ServeHTTP(w, r)
		} else {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// stored counts the files in the sandbox.
func (d demonstration) stored(t *testing.T) int {
	t.Helper()
	return storedIn(t, d.root)
}

// storedIn counts the files in the directory of a sandbox.
func storedIn(t *testing.T, root string) int {
	t.Helper()
	uuid := "????????-????-????-????-????????????"
	files, err := filepath.Glob(filepath.Join(root, uuid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// uuidIn returns the UUID of an upload from the page's own text, or from the response that
// the browser shows.
func (o outcome) uuid(t *testing.T) string {
	t.Helper()
	if o.Response == "" {
		return o.UUID
	}
	var response struct{ File string }
	parse(t, o.Response, &response)
	return response.File
}

func TestBrowserUploadsByBaseURL(t *testing.T) {
	d := demonstrate(t, publicKey)
	for i, tc := range demoClients {
		t.Run(tc.client, func(t *testing.T) {
			tried(t, tc.name, "/base/", "base URL")
			file := picture(t, "sunset.png", uint8(20*i))
			visit := drive(t, job{Page: d.page, Uploads: []uploading{with(tc.client, file)}})
			if failure := visit.Outcomes[0].Failure; failure != "" {
				t.Fatalf("the page says %q", failure)
			}
			wantStored(t, d.sandbox, visit.Outcomes[0].uuid(t), file)
			visit.wantUploadTo(t, d.gateway+"/base/")
			visit.wantUnsigned(t)
		})
	}
}

// The gateway's refusals are shown as the client's own error, in the dialect of each client.
func TestBrowserShowsWhyAnUploadIsRefused(t *testing.T) {
	const code, message = "ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid."
	d := demonstrate(t, "otherpublickey")
	for _, tc := range []struct{ client, want string }{
		{"form", "403: " + message},
		{"widget", code + ": " + message},
		{"uploader", code + ": " + message},
	} {
		t.Run(tc.client, func(t *testing.T) {
			visit := drive(t, job{Page: d.page, Uploads: []uploading{with(tc.client, picture(t, "sunset.png", 0))}})
			if got := strings.TrimSpace(visit.Outcomes[0].Failure); got != tc.want {
				t.Errorf("the page says %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("form without JavaScript", func(t *testing.T) {
		visit := drive(t, job{Page: d.page, Uploads: []uploading{with("form without JavaScript", picture(t, "sunset.png", 0))}})
		if got := strings.TrimSpace(visit.Outcomes[0].Response); got != message {
			t.Errorf("the browser shows %q, want %q", got, message)
		}
	})
	if count := d.stored(t); count != 0 {
		t.Errorf("%d files are stored", count)
	}
}
