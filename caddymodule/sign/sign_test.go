// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// staleForms are the ways in which clients send credentials of their own. The
// name of each is the client's order.
var staleForms = map[string][]string{
	"none":                   {demoKey, file("file", "cat.jpg", "meow")},
	"before the file":        {demoKey, field("signature", "old"), field("expire", "12"), file("file", "cat.jpg", "meow")},
	"after the file":         {file("file", "cat.jpg", "meow"), demoKey, field("signature", "old"), field("expire", "12")},
	"twice":                  {field("signature", "a"), field("signature", "b"), file("file", "cat.jpg", "meow"), field("expire", "1"), field("expire", "2"), demoKey},
	"empty":                  {demoKey, field("signature", ""), field("expire", ""), file("file", "cat.jpg", "meow")},
	"unquoted":               {part("Content-Disposition: form-data; name=signature", "old"), demoKey, file("file", "cat.jpg", "meow")},
	"in odd case":            {part(`content-disposition: form-data; NAME="Signature"`, "old"), field("EXPIRE", "1"), demoKey, file("file", "cat.jpg", "meow")},
	"the iframe's":           {demoKey, field("UPLOADCARE_SIGNATURE", "old"), field("UPLOADCARE_EXPIRE", "1"), file("file", "cat.jpg", "meow")},
	"a file called so":       {demoKey, file("signature", "cat.jpg", "meow"), field("signature", "old")},
	"the key comes last":     {field("expire", "1"), file("file", "cat.jpg", "meow"), demoKey},
	"near-delimiters":        {demoKey, file("file", "cat.jpg", "\r\n--"+testBoundary[:20]+"\r\n-"+testBoundary[2:]+"\r\n--")},
	"fields besides":         {demoKey, field("UPLOADCARE_STORE", "auto"), field("metadata[a]", "b"), file("file", "cat.jpg", "meow")},
	"several files":          {file("a.txt", "a.txt", "a"), demoKey, file("b.txt", "b.txt", strings.Repeat("b", 100_000))},
	"an empty file":          {demoKey, file("file", "empty", "")},
	"an encoded file":        {demoKey, part("Content-Disposition: form-data; name=file; filename=a\r\nContent-Transfer-Encoding: quoted-printable", "=3D")},
	"the key named twice":    {demoKey, file("file", "cat.jpg", "meow"), demoKey},
	"an empty key besides":   {field("UPLOADCARE_PUB_KEY", ""), demoKey, file("file", "cat.jpg", "meow")},
	"the other name as well": {demoKey, field("pub_key", "demopublickey"), file("file", "cat.jpg", "meow")},
}

// Invariant 1: the file's bytes at the upstream equal the client's; every other
// part arrives unchanged and in order.
func TestInvariant1FilesAndOtherPartsArriveUnchanged(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for name, parts := range staleForms {
		t.Run(name, func(t *testing.T) {
			body := formOf(parts...)
			rec, w := serve(t, sign, uploadRequest(body))
			if w.Code != http.StatusOK || rec.err != nil {
				t.Fatalf("response %d %q, error %v", w.Code, w.Body, rec.err)
			}
			sent := parseForm(t, []byte(body))
			arrived := parseForm(t, rec.body)
			if len(arrived) != len(sent)+2 {
				t.Fatalf("%d parts became %d", len(sent), len(arrived))
			}
			for i, before := range sent {
				stale := before.filename == "" && (strings.HasSuffix(strings.ToLower(before.name), "signature") ||
					strings.HasSuffix(strings.ToLower(before.name), "expire"))
				if !stale && arrived[i] != before {
					t.Errorf("part %d: %q became %q", i, before, arrived[i])
				}
			}
		})
	}
}

// Invariant 2: exactly one credential reaches the upstream on a signed
// endpoint; no stale field does, in body or query.
func TestInvariant2ExactlyOneCredentialReachesTheUpstream(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for name, parts := range staleForms {
		t.Run(name, func(t *testing.T) {
			r := uploadRequest(formOf(parts...))
			r.URL.RawQuery = "jsonerrors=1&signature=old&Expire=1&a=%20b&UPLOADCARE_SIGNATURE&expire="
			rec, _ := serve(t, sign, r)
			checkCredential(t, parseForm(t, rec.body), testSecret)
			if got := rec.request.URL.RawQuery; got != "jsonerrors=1&a=%20b" {
				t.Errorf("query: %q", got)
			}
			if strings.Contains(string(rec.body), "old") {
				t.Error("the value of a stale field was left")
			}
		})
	}
}

// Invariant 3: a request with a Content-Length leaves with an exact one;
// nothing is added outside the delimiters.
func TestInvariant3ContentLengthIsExact(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for name, parts := range staleForms {
		t.Run(name, func(t *testing.T) {
			body := "preamble\r\n" + formOf(parts...) + "epilogue"
			r := uploadRequest(body)
			r.TransferEncoding = []string{"chunked"} // as Caddy has it after request_buffers
			r.Trailer = http.Header{"X-Checksum": nil}
			rec, _ := serve(t, sign, r)
			length := int64(len(rec.body))
			if rec.request.ContentLength != length || rec.request.Header.Get("Content-Length") != strconv.FormatInt(length, 10) {
				t.Errorf("promised %d and %q, sent %d", rec.request.ContentLength, rec.request.Header.Get("Content-Length"), length)
			}
			if rec.request.TransferEncoding != nil || rec.request.Trailer != nil {
				t.Errorf("transfer encoding %v, trailer %v", rec.request.TransferEncoding, rec.request.Trailer)
			}
			got := string(rec.body)
			if !strings.HasPrefix(got, "preamble\r\n--"+testBoundary+"\r\n") || !strings.HasSuffix(got, "--"+testBoundary+"--\r\nepilogue") {
				t.Errorf("something was added outside the delimiters: %q", got)
			}
		})
	}
	t.Run("chunked stays chunked", func(t *testing.T) {
		r := uploadRequest(formOf(staleForms["after the file"]...))
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		r.Body = io.NopCloser(iotest.OneByteReader(r.Body))
		rec, _ := serve(t, sign, r)
		if rec.request.ContentLength != -1 || !slices.Equal(rec.request.TransferEncoding, []string{"chunked"}) || rec.request.Header.Get("Content-Length") != "" {
			t.Errorf("length %d, transfer encoding %v", rec.request.ContentLength, rec.request.TransferEncoding)
		}
		checkCredential(t, parseForm(t, rec.body), testSecret)
	})
}

// Invariant 7: a body that cannot be signed is refused with a reason, and never
// forwarded unsigned.
func TestInvariant7WhatCannotBeSignedIsRefused(t *testing.T) {
	whole := formOf(demoKey, file("file", "cat.jpg", "meow"))
	long := strings.Repeat("x", 300)
	tests := map[string]struct {
		body   string
		change func(*http.Request)
		status int
		text   string
	}{
		"no public key":            {formOf(file("file", "a", "b")), nil, 403, "UPLOADCARE_PUB_KEY is required."},
		"an empty public key":      {formOf(field("UPLOADCARE_PUB_KEY", "")), nil, 403, "UPLOADCARE_PUB_KEY is required."},
		"a file as public key":     {formOf(file("UPLOADCARE_PUB_KEY", "demopublickey", "demopublickey")), nil, 403, "UPLOADCARE_PUB_KEY is required."},
		"an unknown public key":    {formOf(field("UPLOADCARE_PUB_KEY", "other")), nil, 403, "UPLOADCARE_PUB_KEY is invalid."},
		"an unknown key, last":     {formOf(file("file", "a", "b"), field("UPLOADCARE_PUB_KEY", "other")), nil, 403, "UPLOADCARE_PUB_KEY is invalid."},
		"an unknown key, in query": {formOf(file("file", "a", "b")), func(r *http.Request) { r.URL.RawQuery = "UPLOADCARE_PUB_KEY=other" }, 403, "UPLOADCARE_PUB_KEY is invalid."},
		"two public keys":          {formOf(demoKey, field("UPLOADCARE_PUB_KEY", "other")), nil, 400, "The request names more than one project."},
		"another key in the query": {whole, func(r *http.Request) { r.URL.RawQuery = "UPLOADCARE_PUB_KEY=other" }, 400, "The request names more than one project."},
		"a long public key":        {formOf(field("UPLOADCARE_PUB_KEY", long)), nil, 400, "HTTP POST request parsing failed: field value is too long."},
		"cut off":                  {strings.TrimSuffix(whole, "--\r\n"), nil, 400, "HTTP POST request parsing failed: form ends before its closing delimiter."},
		"cut off in a stale field": {whole[:len(whole)-4] + "\r\n" + field("signature", "a"), nil, 400, "HTTP POST request parsing failed: form ends before its closing delimiter."},
		"bare line feeds":          {strings.ReplaceAll(whole, "\r\n", "\n"), nil, 400, "HTTP POST request parsing failed: ambiguous delimiter."},
		"a hidden credential":      {formOf(part("Content-ID: signature", "x")), nil, 400, "HTTP POST request parsing failed: malformed part header: some servers may read a protected name in it."},
		"a file without a name":    {formOf(part(`Content-Disposition: form-data; filename="a"`, "x")), nil, 400, "HTTP POST request parsing failed: a file part has no name."},
		"a large part header":      {formOf(part("X: "+strings.Repeat("y", form.MaxPartHeaderSize), "x")), nil, 400, "HTTP POST request parsing failed: part header is too large."},
		"urlencoded":               {"UPLOADCARE_PUB_KEY=demopublickey", contentType("application/x-www-form-urlencoded"), 415, "Only multipart/form-data can be signed here."},
		"no content type":          {whole, func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "Only multipart/form-data can be signed here."},
		"no boundary":              {whole, contentType("multipart/form-data"), 400, "HTTP POST request parsing failed: content type has no boundary."},
		"two boundaries":           {whole, contentType("multipart/form-data; boundary=a; boundary=b"), 400, "HTTP POST request parsing failed: form ends before its closing delimiter."},
		"compressed":               {whole, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415, "A request with Content-Encoding cannot be signed."},
		"broken chunks": {"", func(r *http.Request) {
			r.ContentLength, r.Body = -1, io.NopCloser(httputil.NewChunkedReader(strings.NewReader("zz\r\n")))
		}, 400, "HTTP POST request parsing failed: invalid byte in chunk length."},
		"stalled":                   {whole, func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(os.ErrDeadlineExceeded)) }, 408, "The request did not arrive in time."},
		"an impossible length":      {whole, func(r *http.Request) { r.ContentLength = math.MaxInt64 }, 413, "The size of the request is too large."},
		"an odd charset":            {whole, contentType("multipart/form-data; charset=utf-7; boundary=" + testBoundary), 415, "A request in this charset cannot be signed."},
		"empty":                     {"", nil, 400, "HTTP POST request parsing failed: form ends before its closing delimiter."},
		"empty, chunked":            {"", func(r *http.Request) { r.ContentLength = -1; r.Body = io.NopCloser(strings.NewReader("")) }, 400, "HTTP POST request parsing failed: form ends before its closing delimiter."},
		"no body at all":            {"", func(r *http.Request) { r.Body = nil }, 400, "HTTP POST request parsing failed: form ends before its closing delimiter."},
		"over request_body's limit": {whole, func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 200) }, 413, "The size of the request is too large."},
		"refused by an inner body": {whole, func(r *http.Request) {
			r.Body = io.NopCloser(iotest.ErrReader(caddyhttp.Error(http.StatusTeapot, errors.New("virus"))))
		}, 418, "I'm a teapot"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sign := mustSign(t, onlyProject)
			r := uploadRequest(test.body)
			if test.change != nil {
				test.change(r)
			}
			rec, w := serve(t, sign, r)
			if w.Code != test.status || w.Body.String() != test.text {
				t.Errorf("response %d %q, want %d %q", w.Code, w.Body, test.status, test.text)
			}
			if got := w.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("content type %q", got)
			}
			if rec.called && rec.err == nil {
				t.Errorf("a whole body was passed on: %q", rec.body)
			}
		})
	}
}

func contentType(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Content-Type", value) }
}

func TestRefusalsInTheJSONDialect(t *testing.T) {
	sign := mustSign(t, onlyProject)
	r := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "other")))
	r.URL.RawQuery = "jsonerrors=1"
	_, w := serve(t, sign, r)
	want := `{"error":{"status_code":403,"content":"UPLOADCARE_PUB_KEY is invalid.","error_code":"ProjectPublicKeyInvalidError"}}`
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("response %d %s %v", w.Code, w.Body, w.Header())
	}
}

// Error routes may be another site's: then the gateway responds.
func TestErrorRoutesThatDoNotMatchLeaveTheResponse(t *testing.T) {
	sign := mustSign(t, onlyProject)
	server := &caddyhttp.Server{Errors: &caddyhttp.HTTPErrorConfig{}}
	r := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "other")))
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), server)
	_, w := serve(t, sign, r)
	if w.Code != 403 || w.Body.String() != "UPLOADCARE_PUB_KEY is invalid." {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
	if got := w.Header().Get("X-Uploadcare-Request-Id"); len(got) != 36 {
		t.Errorf("request id %q", got)
	}
}

func TestOtherRequestsPassUntouched(t *testing.T) {
	sign := mustSign(t, onlyProject)
	body := formOf(field("signature", "old"))
	for _, target := range []string{"OPTIONS /base/", "GET /base/", "POST /info/", "POST /multipart/complete/", "POST /base/more", "POST /"} {
		t.Run(target, func(t *testing.T) {
			method, path, _ := strings.Cut(target, " ")
			r := uploadRequest(body)
			r.Method, r.URL.Path, r.URL.RawQuery = method, path, "signature=old"
			r.Header.Set("Content-Encoding", "gzip")
			rec, _ := serve(t, sign, r)
			if string(rec.body) != body || rec.request.URL.RawQuery != "signature=old" || rec.request.ContentLength != int64(len(body)) {
				t.Errorf("body %q, query %q", rec.body, rec.request.URL.RawQuery)
			}
		})
	}
}

// What the proxy logs of a request that passes has no credential of the client's,
// under any spelling that would be taken out of one that is signed.
func TestOtherRequestsAreLoggedWithoutStaleFields(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for query, want := range map[string]string{
		"signature=canary&a=b":             "/info/?a=b",
		"a=b&s%69gnature=canary&expire=1":  "/info/?a=b",
		"signature[]=canary":               "/info/",
		"UPLOADCARE_SIGNATURE=canary&a&b=": "/info/?a&b=",
		"a=1;signature=canary":             "/info/",
		"pub_key=x":                        "/info/?pub_key=x",
		"":                                 "/info/",
	} {
		target := "/info/"
		if query != "" {
			target += "?" + query
		}
		r := httptest.NewRequest("DELETE", target, nil)
		rec, _ := serve(t, sign, r)
		if rec.request.RequestURI != want || rec.request.URL.RawQuery != query || r.RequestURI != target {
			t.Errorf("%s: logged as %s, passed with %s, and the client's own became %s", query, rec.request.RequestURI, rec.request.URL.RawQuery, r.RequestURI)
		}
	}
}

// HEAD is as GET, and a method that only some servers know in lower case leaves in
// capitals, for all to know.
func TestAnySpellingOfTheMethodIsSigned(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for method, leaves := range map[string]string{"HEAD": "HEAD", "head": "HEAD", "GET": "GET", "get": "GET", "Post": "POST"} {
		r := paramsRequest(method, "/from_url/?pub_key=demopublickey&signature=old&expire=1", "", "")
		rec, w := serve(t, sign, r)
		if !rec.called || rec.request.Method != leaves || w.Code != http.StatusOK || r.Method != method {
			t.Fatalf("%s: response %d %q, left as %+v", method, w.Code, w.Body, rec.request)
		}
		query := rec.request.URL.Query()
		if len(query["signature"]) != 1 || len(query.Get("signature")) != 64 || len(query["expire"]) != 1 || query.Get("expire") == "1" {
			t.Errorf("%s: left with %v", method, query)
		}
		if lengths := rec.request.Header["Content-Length"]; leaves != "POST" && lengths != nil {
			t.Errorf("%s: left with Content-Length %v", method, lengths)
		}
	}
	r := uploadRequest(formOf(demoKey, field("signature", "old"), file("file", "a", "b")))
	r.Method = "post"
	rec, _ := serve(t, sign, r)
	if rec.request.Method != "POST" {
		t.Errorf("left as %q", rec.request.Method)
	}
	checkCredential(t, parseForm(t, rec.body), testSecret)
}

// Whatever the spelling of an endpoint, it leaves as the documentation writes it: servers
// would take some for another endpoint than the one whose rules were applied.
func TestAnySpellingOfAnEndpointLeavesInOne(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for _, target := range []string{
		"/base/", "/base", "//base/", "/base//", "//base//", "/./base/", "/x/../base", "/base/.",
		"/%62ase/", "/group/%2e%2e/base/", "/group/..%2Fbase", "/group%2F..%2Fbase%2F",
	} {
		t.Run(target, func(t *testing.T) {
			r := uploadRequest(formOf(demoKey))
			r.URL.Path, r.URL.RawPath = pathOf(t, target)
			rec, _ := serve(t, sign, r)
			checkCredential(t, parseForm(t, rec.body), testSecret)
			if got := rec.request.URL.RequestURI(); got != "/base/" {
				t.Errorf("left for %q", got)
			}
			if r.URL.EscapedPath() != target {
				t.Errorf("the client's own request is for %q now", r.URL.EscapedPath())
			}
		})
	}
}

// pathOf returns the path of a request target, decoded and as it was sent.
func pathOf(t *testing.T, target string) (path, raw string) {
	t.Helper()
	parsed, err := url.ParseRequestURI("http://localhost" + target)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Path, parsed.RawPath
}

func TestCredentialsOfTheSiteDoNotLeave(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for _, path := range []string{"/base/", "/info/"} {
		r := uploadRequest(formOf(demoKey))
		r.URL.Path = path
		r.Header.Set("Cookie", "session=1")
		r.Header.Set("Authorization", "Basic abc")
		r.Header.Set("Expect", "100-continue")
		r.Header.Set("X-UC-User-Agent", "client")
		r.Trailer = http.Header{"Authorization": {"Basic abc"}} // as the server has it after the body
		rec, _ := serve(t, sign, r)
		if len(rec.request.Trailer) > 0 {
			t.Errorf("%s: trailer %v", path, rec.request.Trailer)
		}
		if rec.request.Header.Get("Cookie") != "" || rec.request.Header.Get("Authorization") != "" {
			t.Errorf("%s: %v", path, rec.request.Header)
		}
		if rec.request.Header.Get("X-UC-User-Agent") != "client" {
			t.Errorf("%s: another header was lost", path)
		}
	}
}

// A server that switches protocols has a connection to the client on which nothing is
// redacted. The service has no such endpoints.
func TestASignedRequestAsksForNoUpgrade(t *testing.T) {
	r := uploadRequest(formOf(demoKey))
	r.Header.Set("Connection", "Upgrade, X-A")
	r.Header.Set("Upgrade", "websocket")
	rec, _ := serve(t, mustSign(t, onlyProject), r)
	if header := rec.request.Header; header["Upgrade"] != nil || header["Connection"] != nil {
		t.Errorf("%v", header)
	}
}

func TestProjectsAreDistinguished(t *testing.T) {
	sign := mustSign(t, `{"projects":[
		{"public_key":"one","source":{"module":"secret_key","keys":["secret of one"]}},
		{"public_key":"two","source":{"module":"secret_key","keys":["secret of two"]}},
		{"public_key":"*","source":{"module":"secret_key","keys":["secret of all"]}}]}`)
	for publicKey, secret := range map[string]string{"one": "secret of one", "two": "secret of two", "three": "secret of all"} {
		rec, _ := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", publicKey), file("file", "a", "b"))))
		checkCredential(t, parseForm(t, rec.body), secret)
	}
	t.Run("by the query", func(t *testing.T) {
		r := uploadRequest(formOf(file("file", "a", "b")))
		r.URL.RawQuery = "UPLOADCARE_PUB_KEY=two"
		rec, _ := serve(t, sign, r)
		checkCredential(t, parseForm(t, rec.body), "secret of two")
	})
}

func TestAClientThatGoesAwayIsNotTheUpstreamsFault(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for name, err := range map[string]error{"cancelled": context.Canceled, "reset": syscall.ECONNRESET} {
		t.Run(name, func(t *testing.T) {
			r := uploadRequest(formOf(demoKey))
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(formOf(demoKey)[:60]), iotest.ErrReader(err)))
			rec, w := serve(t, sign, r)
			if w.Code != statusClientClosedRequest || w.Body.Len() > 0 {
				t.Errorf("response %d %q", w.Code, w.Body)
			}
			// What the proxy takes for a cancelled request it neither logs nor
			// counts against the upstream.
			if !errors.Is(rec.err, context.Canceled) {
				t.Errorf("the proxy sees %v", rec.err)
			}
		})
	}
}

// A response that has begun stays as it is, whatever becomes of the body.
func TestAnEarlyResponseOfTheUpstreamIsKept(t *testing.T) {
	sign := mustSign(t, onlyProject)
	r := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "other")))
	w := serveBy(t, sign, r, func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "early")
		_, _ = io.Copy(io.Discard, r.Body)
		return nil
	})
	if w.Code != http.StatusRequestEntityTooLarge || w.Body.String() != "early" {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// The proxy writes 499 for itself when it takes the client to be gone.
func TestTheProxysResponseToACancelledRequestIsReplaced(t *testing.T) {
	sign := mustSign(t, onlyProject)
	w := serveBy(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "other"))), func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.Copy(io.Discard, r.Body); errors.Is(err, context.Canceled) {
			w.WriteHeader(statusClientClosedRequest)
		}
		return nil
	})
	if w.Code != http.StatusForbidden {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// A proxy that retries with a body that it has closed gets an error, and the
// upstream is not blamed for it.
func TestABodyThatWasClosedIsNotTheUpstreamsFault(t *testing.T) {
	sign := mustSign(t, onlyProject)
	w := serveBy(t, sign, uploadRequest(formOf(demoKey)), func(_ http.ResponseWriter, r *http.Request) error {
		_ = r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("the proxy sees %v", err)
		}
		return nil
	})
	if w.Code != http.StatusBadGateway || w.Body.Len() == 0 {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// What the proxy says in place of the refusal is dropped with its body.
func TestTheProxysResponseIsDroppedAsAWhole(t *testing.T) {
	sign := mustSign(t, onlyProject)
	w := serveBy(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "other"))), func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(statusClientClosedRequest)
		_, _ = io.WriteString(w, "gone")
		_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("gone"))
		return nil
	})
	if w.Code != http.StatusForbidden || w.Body.String() != "UPLOADCARE_PUB_KEY is invalid." {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// The upstream may send the client elsewhere, with the query that it was sent.
func TestAFreshCredentialDoesNotComeBackInARedirect(t *testing.T) {
	sign := mustSign(t, onlyProject)
	r := paramsRequest("GET", "/from_url?pub_key=demopublickey&a=b", "", "")
	w := serveBy(t, sign, r, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Location", "/from_url/?"+r.URL.RawQuery+"#top")
		w.WriteHeader(http.StatusMovedPermanently)
		return nil
	})
	if got := w.Header().Get("Location"); got != "/from_url/?pub_key=demopublickey&a=b#top" {
		t.Errorf("Location: %s", got)
	}
	// Nor is it in what placeholders and error routes see of the request.
	if strings.Contains(r.URL.String()+r.RequestURI, "expire") {
		t.Errorf("the request became %s", r.URL)
	}
}
