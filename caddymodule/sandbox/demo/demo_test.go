// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func newPage(t *testing.T, options Options) *Handler {
	t.Helper()
	page, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func request(t *testing.T, page *Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	page.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	return recorder
}

// packages is a directory like node_modules, in which every file says its name.
func packages(t *testing.T, files ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func TestThePageNamesGatewayAndKeyToEveryClient(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options Options
		gateway string
		key     string
	}{
		{"defaults", Options{}, "http://localhost:8080", "demopublickey"},
		{"options", Options{Gateway: "https://upload.example.com:8443", PublicKey: "other"}, "https://upload.example.com:8443", "other"},
		{"a path is kept, its slash is not doubled", Options{Gateway: "https://example.com/uploads/"}, "https://example.com/uploads", "demopublickey"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			html := request(t, newPage(t, tc.options), http.MethodGet, "/").Body.String()
			for _, want := range []string{
				`<form action="` + tc.gateway + `/base/" method="post" enctype="multipart/form-data"`,
				`name="UPLOADCARE_PUB_KEY" value="` + tc.key + `"`,
				`data-public-key="` + tc.key + `"`,
				`data-url-base="` + tc.gateway + `"`,
				`pubkey="` + tc.key + `"`,
				`base-url="` + tc.gateway + `"`,
			} {
				if !strings.Contains(html, want) {
					t.Errorf("the page lacks %s", want)
				}
			}
		})
	}
}

func TestNoClientLearnsOfSignatures(t *testing.T) {
	attribute := regexp.MustCompile(`(?i)(name|id|[a-z-]*(secure|signature|expire)[a-z-]*)="[^"]*"`)
	html := request(t, newPage(t, Options{}), http.MethodGet, "/").Body.String()
	found := attribute.FindAllString(html, -1)
	if len(found) == 0 {
		t.Fatal("no attribute is found, so the test shows nothing")
	}
	for _, text := range found {
		if regexp.MustCompile(`(?i)secure|signature|expire`).MatchString(text) {
			t.Errorf("the page has %s", text)
		}
	}
}

func TestValuesAreEscaped(t *testing.T) {
	html := request(t, newPage(t, Options{PublicKey: `"><script>alert(1)</script>`}), http.MethodGet, "/").Body.String()
	if strings.Contains(html, "<script>alert") {
		t.Error("the public key became a script")
	}
}

func TestThePolicyAllowsWhatThePageNeeds(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options Options
		want    []string
	}{
		{"defaults", Options{}, []string{
			"default-src 'none'", "script-src 'self' https://cdn.jsdelivr.net", "form-action http://localhost:8080",
			"frame-src http://localhost:8080", "connect-src 'self' http://localhost:8080 ",
		}},
		{"a path is no part of an origin", Options{Gateway: "https://example.com:8443/uploads"}, []string{"form-action https://example.com:8443;"}},
		{"scripts from here", Options{Scripts: packages(t)}, []string{"script-src 'self';", "style-src 'self' 'unsafe-inline';"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			policy := request(t, newPage(t, tc.options), http.MethodGet, "/").Header().Get("Content-Security-Policy")
			for _, want := range tc.want {
				if !strings.Contains(policy, want) {
					t.Errorf("%q is not in the policy %q", want, policy)
				}
			}
		})
	}
}

func TestScripts(t *testing.T) {
	const widget = "uploadcare-widget/uploadcare.full.min.js"
	t.Run("of the default CDN have a version and a checksum", func(t *testing.T) {
		html := request(t, newPage(t, Options{}), http.MethodGet, "/").Body.String()
		tags := regexp.MustCompile(`<(script defer id="[a-z-]+" data-package="[^"]+" src|link rel="stylesheet" href)="https://cdn\.jsdelivr\.net/npm/[^"@]*(@[^"@]+)?@\d+\.\d+\.\d+/[^"]+" integrity="sha384-[^"]{64,}" crossorigin="anonymous">`)
		if found := tags.FindAllString(html, -1); len(found) != 3 {
			t.Errorf("found %q in %s", found, html)
		}
	})
	t.Run("of another CDN", func(t *testing.T) {
		html := request(t, newPage(t, Options{Scripts: "https://cdn.example.com/npm"}), http.MethodGet, "/").Body.String()
		if !strings.Contains(html, `src="https://cdn.example.com/npm/uploadcare-widget@3.24.0/uploadcare.full.min.js" integrity=`) {
			t.Error(html)
		}
	})
	t.Run("of a directory are served beside the page", func(t *testing.T) {
		page := newPage(t, Options{Scripts: packages(t, widget, "other/secret.js")})
		if html := request(t, page, http.MethodGet, "/").Body.String(); !strings.Contains(html, `src="/demo/scripts/`+widget+`">`) {
			t.Error(html)
		}
		for path, want := range map[string]int{
			widget:                            http.StatusOK,
			"other/secret.js":                 http.StatusNotFound,
			"uploadcare-widget/":              http.StatusNotFound,
			"uploadcare-widget/../other/":     http.StatusNotFound,
			"../../page/index.html":           http.StatusNotFound,
			"@uploadcare/file-uploader/web/x": http.StatusNotFound,
		} {
			response := request(t, page, http.MethodGet, "/demo/scripts/"+path)
			if response.Code != want || want == http.StatusOK && response.Body.String() != path {
				t.Errorf("%s got %d and %q", path, response.Code, response.Body)
			}
		}
	})
}

func TestOptionsThatAreWrong(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options Options
		want    error
	}{
		{"a gateway without a scheme", Options{Gateway: "localhost:8080"}, ErrGateway},
		{"a gateway without a host", Options{Gateway: "http:///base"}, ErrGateway},
		{"a gateway that is a script", Options{Gateway: "javascript:alert(1)"}, ErrGateway},
		{"a gateway with a query", Options{Gateway: "http://localhost:8080/?a=b"}, ErrGateway},
		{"a gateway with a password", Options{Gateway: "http://a:b@localhost:8080"}, ErrGateway},
		{"a gateway with a placeholder in it", Options{Gateway: "http://{host}"}, ErrGateway},
		{"a gateway that ends the policy", Options{Gateway: "http://a;script-src"}, ErrGateway},
		{"scripts over FTP", Options{Scripts: "ftp://example.com/npm"}, ErrScripts},
		{"scripts that end the policy", Options{Scripts: "http://a;default-src"}, ErrScripts},
		{"no such directory", Options{Scripts: "/no/such/directory"}, ErrScripts},
		{"a file", Options{Scripts: "demo_test.go"}, ErrScripts},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := New(tc.options); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestParts(t *testing.T) {
	page := newPage(t, Options{})
	for _, tc := range []struct {
		method, path string
		code         int
		contentType  string
	}{
		{http.MethodGet, "/", http.StatusOK, "text/html; charset=utf-8"},
		{http.MethodHead, "/", http.StatusOK, "text/html; charset=utf-8"},
		{http.MethodGet, "/demo/style.css", http.StatusOK, "text/css; charset=utf-8"},
		{http.MethodGet, "/demo/clients.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{http.MethodGet, "/demo/uploads.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{http.MethodGet, "/demo/icon.svg", http.StatusOK, "image/svg+xml"},
		{http.MethodGet, "/demo/signed.html", http.StatusOK, "text/html; charset=utf-8"},
		{http.MethodGet, "/demo/signed.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{http.MethodGet, "/demo/index.html", http.StatusNotFound, "text/plain; charset=utf-8"},
		{http.MethodGet, "/demo/", http.StatusNotFound, "text/plain; charset=utf-8"},
		{http.MethodGet, "/demo/scripts/uploadcare-widget/uploadcare.full.min.js", http.StatusNotFound, "text/plain; charset=utf-8"},
		{http.MethodPost, "/", http.StatusMethodNotAllowed, "text/plain; charset=utf-8"},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			if !Serves(tc.path) {
				t.Error("the path is left to the Upload API")
			}
			response := request(t, page, tc.method, tc.path)
			if got := response.Header().Get("Content-Type"); response.Code != tc.code || got != tc.contentType {
				t.Errorf("got %d %q, want %d %q", response.Code, got, tc.code, tc.contentType)
			}
		})
	}
}

func TestTheUploadAPIKeepsItsPaths(t *testing.T) {
	for _, path := range []string{"/base/", "//", "/info/", "/demo", "/b1a5b1a5-0000-4000-8000-000000000000/", ""} {
		if Serves(path) {
			t.Errorf("%q is taken by the page", path)
		}
	}
}
