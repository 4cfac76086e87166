// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const unknownID = "0b1c3a5e-6f0d-4c8e-9a1b-2c3d4e5f6071"

func TestMethodsOfTheEndpoints(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, aFile)["file"]
	for _, tc := range []struct {
		target, allowed string
		others          []string
	}{
		{"/base/", "POST, OPTIONS", []string{"GET", "HEAD", "PUT", "DELETE", "PATCH"}},
		{"/base", "POST, OPTIONS", []string{"GET"}},
		{"/iframe/", "POST, OPTIONS", []string{"GET", "PUT"}},
		{"/multipart/start/", "POST, OPTIONS", []string{"GET", "PUT"}},
		{"/multipart/complete/", "POST, OPTIONS", []string{"GET", "PUT"}},
		{"/parts/" + unknownID + "/1", "PUT, OPTIONS", []string{"GET", "POST"}},
		{"/from_url/", "POST, GET, OPTIONS", []string{"HEAD", "PUT"}},
		{"/from_url/status/", "GET, HEAD, POST, OPTIONS", []string{"PUT", "DELETE"}},
		{"/group/", "POST, GET, HEAD, OPTIONS", []string{"PUT", "DELETE"}},
		{"/group/info/", "GET, HEAD, OPTIONS", []string{"POST", "PUT"}},
		{"/info/", "GET, HEAD, OPTIONS", []string{"POST", "PUT", "DELETE"}},
		{"/" + id + "/", "GET, HEAD, OPTIONS", []string{"POST", "PUT", "DELETE"}},
		{"/" + id + "/name.txt", "GET, HEAD, OPTIONS", []string{"POST", "PUT", "DELETE"}},
	} {
		for _, method := range tc.others {
			want := refusal(405, "MethodNotAllowedError", "HTTP method "+method+" is not allowed for "+tc.target)
			plain := f.do(t, httptest.NewRequest(method, tc.target, nil))
			wantRefusal(t, plain, want)
			envelope := f.do(t, httptest.NewRequest(method, tc.target+"?jsonerrors=1", nil))
			wantEnvelope(t, envelope, want)
			for _, response := range []*httptest.ResponseRecorder{plain, envelope} {
				if got := response.Header().Get("Allow"); got != tc.allowed {
					t.Errorf("%s %s: Allow = %q, want %q", method, tc.target, got, tc.allowed)
				}
			}
		}
		preflight := f.do(t, httptest.NewRequest(http.MethodOptions, tc.target, nil))
		if preflight.Code != http.StatusOK || preflight.Body.Len() != 0 {
			t.Errorf("OPTIONS %s = %d %q, want an empty 200", tc.target, preflight.Code, preflight.Body)
		}
		if got := preflight.Header().Get("Access-Control-Allow-Methods"); got != tc.allowed {
			t.Errorf("OPTIONS %s allows %q, want %q", tc.target, got, tc.allowed)
		}
	}
}

func TestHeadersOfEveryResponse(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, aFile)["file"]
	seen := make(map[string]bool)
	for name, r := range map[string]*http.Request{
		"upload":    uploadRequest("/base/", formOf(append(signed(), aFile)...)),
		"refusal":   uploadRequest("/base/", formOf(aFile)),
		"envelope":  uploadRequest("/base/?jsonerrors=1", formOf(aFile)),
		"no form":   httptest.NewRequest(http.MethodPost, "/base/", nil),
		"preflight": httptest.NewRequest(http.MethodOptions, "/base/", nil),
		"method":    httptest.NewRequest(http.MethodPut, "/base/", nil),
		"info":      httptest.NewRequest(http.MethodGet, "/info/?pub_key="+testPublicKey+"&file_id="+id, nil),
		"no info":   httptest.NewRequest(http.MethodGet, "/info/", nil),
		"file":      httptest.NewRequest(http.MethodGet, "/"+id+"/", nil),
		"no file":   httptest.NewRequest(http.MethodGet, "/"+unknownID+"/", nil),
		"nowhere":   httptest.NewRequest(http.MethodGet, "/nowhere/", nil),
	} {
		header := f.do(t, r).Header()
		requestID := header.Get("X-Uploadcare-Request-Id")
		if !isID(requestID) || seen[requestID] {
			t.Errorf("%s: request id %q is no fresh uuid", name, requestID)
		}
		seen[requestID] = true
		if name != "nowhere" && (header.Get("Access-Control-Allow-Origin") != "*" ||
			!strings.Contains(header.Get("Access-Control-Expose-Headers"), "Retry-After")) {
			t.Errorf("%s: CORS headers are missing in %v", name, header)
		}
	}
}

func TestPathsThatAreNoEndpoint(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, aFile)["file"]
	outside := filepath.Join(filepath.Dir(f.root), "outside.txt")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := refusal(404, "SandboxEndpointNotFoundError", "The sandbox has no such endpoint.")
	for _, path := range []string{
		"//", "/nowhere/", "/groups/", "/Base/", "/base/x/", "/info/" + id + "/",
		"/" + id + "/a/b", "/" + id + "/content/-/", "/" + id + "/..",
		"/" + strings.ToUpper(id) + "/", "/" + strings.ReplaceAll(id, "-", "") + "/", "/{" + id + "}/", "/urn:uuid:" + id + "/",
		"/../outside.txt", "/../../etc/passwd", "/..", "/.", "/../" + filepath.Base(f.root) + "/" + id,
		"/.partial-" + id, "/.partial-" + id + "/content", `/..\outside.txt`, "/" + id + "\x00", "/\x00", "/content",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			r := httptest.NewRequest(method, "/", nil)
			r.URL.Path = path
			wantRefusal(t, f.do(t, r), want)
			r.URL.RawQuery = "jsonerrors=1"
			wantEnvelope(t, f.do(t, r), want)
		}
	}
	for _, escaped := range []string{"/%2e%2e/outside.txt", "/..%2foutside.txt", "/%2e%2e%5coutside.txt", "/" + id + "%2fcontent", "/" + id + "/a%2fb/c"} {
		wantRefusal(t, f.get(t, escaped), want)
	}
}

func TestALinkOutOfTheRootIsNotFollowed(t *testing.T) {
	f := newFixture(t)
	outside := t.TempDir()
	for _, name := range []string{contentName, infoName} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte(`{"filename":"outside"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(f.root, unknownID)); err != nil {
		t.Fatal(err)
	}
	response := f.get(t, "/"+unknownID+"/")
	wantRefusal(t, response, refusal(500, "UploadAPIError", "Internal error."))
}

func TestAFileComesBackAsItWasSent(t *testing.T) {
	f := newFixture(t)
	for _, tc := range []struct{ name, filename, content, contentType, disposition string }{
		{"text", "a b-1.txt", "hello", "text/plain; charset=utf-8", `inline; filename=ab1.txt`},
		{"bytes", "x", "\x00\x01\xff", "application/octet-stream", `inline; filename=x`},
		{"nothing", "empty", "", "text/plain; charset=utf-8", `inline; filename=empty`},
		{"a page", "x.html", "<html><script>1</script>", "text/html; charset=utf-8", `inline; filename=x.html`},
		{"a name that lies", "x.png", "<html>", "text/html; charset=utf-8", `inline; filename=x.png`},
		{"a name beyond ASCII", "фото.bin", "\x00", "application/octet-stream", `inline; filename*=utf-8''%D1%84%D0%BE%D1%82%D0%BE.bin`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := f.accepted(t, file("file", tc.filename, tc.content))["file"]
			for _, target := range []string{"/" + id + "/", "/" + id, "//" + id, "/./" + id, "/base/../" + id + "/"} {
				response := f.do(t, withPath(http.MethodGet, target))
				if response.Code != http.StatusOK || response.Body.String() != tc.content {
					t.Fatalf("%s = %d %q", target, response.Code, response.Body)
				}
				for header, want := range map[string]string{
					"Content-Type":            tc.contentType,
					"Content-Disposition":     tc.disposition,
					"X-Content-Type-Options":  "nosniff",
					"Content-Security-Policy": "sandbox",
				} {
					if got := response.Header().Get(header); got != want {
						t.Errorf("%s = %q, want %q", header, got, want)
					}
				}
			}
		})
	}
}

// The CDN serves a file under any name, and with operations.
func TestAFileIsServedUnderAnyName(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, aFile)["file"]
	for _, rest := range []string{
		"", "/", "/hello.txt", "/another-name.jpg", "/name/", "/content", "/info.json", "/a%20b%22.txt", "/%D1%84%D0%BE%D1%82%D0%BE.png", "/фото.png",
		"/a%2Fb.txt", "/%2e%2e%2f", "/-/", "/-/preview/", "/-/resize/640x/-/format/webp/", "/-/preview/800x600/name.jpg", "//name.txt",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := httptest.NewRequest(method, "/"+id+rest, nil)
			r.Header.Set("Range", "bytes=0-1")
			if response := f.do(t, r); response.Code != http.StatusPartialContent || (method == http.MethodGet && response.Body.String() != "he") ||
				response.Header().Get("Content-Range") != "bytes 0-1/5" || response.Header().Get("Content-Disposition") != "inline; filename=hello.txt" {
				t.Errorf("%s %s = %d %q %v", method, rest, response.Code, response.Body, response.Header())
			}
		}
		wantRefusal(t, f.get(t, "/"+unknownID+rest), refusal(404, "FileNotFoundError", "File is not found."))
	}
}

func withPath(method, path string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path
	return r
}

func TestAnUnknownFile(t *testing.T) {
	f := newFixture(t)
	want := refusal(404, "FileNotFoundError", "File is not found.")
	wantRefusal(t, f.get(t, "/"+unknownID+"/"), want)
	wantEnvelope(t, f.get(t, "/"+unknownID+"/?jsonerrors=1"), want)
}

func TestRangesAndConditions(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, file("file", "x", "0123456789"))["file"]
	whole := f.get(t, "/"+id+"/")
	for _, tc := range []struct {
		header, value string
		status        int
		body          string
	}{
		{"Range", "bytes=2-4", 206, "234"},
		{"Range", "bytes=-3", 206, "789"},
		{"If-Modified-Since", whole.Header().Get("Last-Modified"), 304, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/"+id+"/", nil)
		r.Header.Set(tc.header, tc.value)
		if response := f.do(t, r); response.Code != tc.status || response.Body.String() != tc.body {
			t.Errorf("%s %s = %d %q, want %d %q", tc.header, tc.value, response.Code, response.Body, tc.status, tc.body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/"+id+"/", nil)
	r.Header.Set("Range", "bytes=10-")
	if response := f.do(t, r); response.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end = %d", response.Code)
	}
}

func TestHeadOnAServer(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f.ServeHTTP(w, r, nil); err != nil {
			t.Errorf("ServeHTTP: %v", err)
		}
	}))
	defer server.Close()
	id := f.accepted(t, aFile)["file"]
	info := "/info/?pub_key=" + testPublicKey + "&file_id=" + id
	for target, status := range map[string]int{"/" + id + "/": 200, info: 200, "/" + unknownID + "/": 404, "/info/": 403} {
		get, err := http.Get(server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(get.Body)
		get.Body.Close()
		head, err := http.Head(server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		head.Body.Close()
		if head.StatusCode != status || get.StatusCode != status || head.ContentLength != int64(len(body)) {
			t.Errorf("%s: HEAD %d of %d bytes, GET %d of %d bytes, want status %d",
				target, head.StatusCode, head.ContentLength, get.StatusCode, len(body), status)
		}
	}
}

func TestTheNextHandlerIsNeverCalled(t *testing.T) {
	f := newFixture(t)
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("the next handler was called")
		return nil
	})
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/", nil),
		httptest.NewRequest(http.MethodGet, "/info/", nil),
		httptest.NewRequest(http.MethodOptions, "/base/", nil),
		uploadRequest("/base/", formOf(append(signed(), aFile)...)),
	} {
		if err := f.ServeHTTP(httptest.NewRecorder(), r, next); err != nil {
			t.Error(err)
		}
	}
}

func TestNothingIsLoggedOfARequestButAtDebug(t *testing.T) {
	f := newFixture(t)
	f.accepted(t, aFile)
	f.upload(t, aFile)
	f.upload(t, append(signed(), aFile, field("signature", "stalesignature"))...)
	if f.logs.Len() == 0 {
		t.Error("nothing at all is logged at debug")
	}
	for _, entry := range f.logs.All() {
		if entry.Level.String() != "debug" {
			t.Errorf("%q is logged at %s", entry.Message, entry.Level)
		}
	}
	f.wantNoSecretLogged(t)
}
