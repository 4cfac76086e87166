// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// withPolicy is a handler of one project that has a policy.
func withPolicy(tb testing.TB, policy string) *Sign {
	tb.Helper()
	return mustSign(tb, `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]},"policy":`+policy+`}]}`)
}

// typed is a file with a declared type.
func typed(filename, mediaType, content string) string {
	return part(`Content-Disposition: form-data; name="file"; filename="`+filename+`"`+"\r\nContent-Type: "+mediaType, content)
}

const (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	exe  = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00\xb8\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00"
	html = "<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
)

// encoding is a way to send fields to an endpoint.
type encoding struct {
	name    string
	request func(path string, fields ...[2]string) *http.Request
}

func encode(fields [][2]string) string {
	var pairs []string
	for _, field := range fields {
		pairs = append(pairs, url.QueryEscape(field[0])+"="+url.QueryEscape(field[1]))
	}
	return strings.Join(pairs, "&")
}

func multipartRequest(path string, fields ...[2]string) *http.Request {
	var parts []string
	for _, f := range fields {
		parts = append(parts, field(f[0], f[1]))
	}
	return paramsRequest(http.MethodPost, path, "multipart/form-data; boundary="+testBoundary, formOf(parts...))
}

// encodings are all ways to send the fields of an endpoint that takes them otherwise than
// in a form, too.
var encodings = []encoding{
	{"multipart", multipartRequest},
	{"multipart, chunked", func(path string, fields ...[2]string) *http.Request {
		r := multipartRequest(path, fields...)
		r.ContentLength = -1
		return r
	}},
	{"urlencoded", func(path string, fields ...[2]string) *http.Request {
		return paramsRequest(http.MethodPost, path, urlencoded, encode(fields))
	}},
	{"urlencoded, labelled as JSON", func(path string, fields ...[2]string) *http.Request {
		return paramsRequest(http.MethodPost, path, "application/json", encode(fields))
	}},
	{"query", func(path string, fields ...[2]string) *http.Request {
		return httptest.NewRequest(http.MethodPost, path+"?"+encode(fields), http.NoBody)
	}},
	{"query beside an urlencoded body", func(path string, fields ...[2]string) *http.Request {
		return paramsRequest(http.MethodPost, path+"?"+encode(fields[1:]), urlencoded, encode(fields[:1]))
	}},
	{"query beside a form", func(path string, fields ...[2]string) *http.Request {
		r := multipartRequest(path, fields[0])
		r.URL.RawQuery = encode(fields[1:])
		return r
	}},
}

// wantRefused checks that a request is refused with an error of the service or the gateway,
// in both dialects, and that nothing whole has reached the upstream.
func wantRefused(t *testing.T, sign *Sign, code string, status int, request func() *http.Request) {
	t.Helper()
	rec, w := serve(t, sign, request())
	if w.Code != status || rec.called && rec.err == nil {
		t.Errorf("status %d, want %d; the whole request has reached the upstream: %v; %s", w.Code, status, rec.called && rec.err == nil, w.Body)
	}
	if strings.Contains(string(rec.body), "--"+testBoundary+"--") || strings.Contains(string(rec.body), `name="signature"`) {
		t.Errorf("the upstream has the end of the form: %q", rec.body)
	}
	r := request()
	query := r.URL.Query()
	query.Set("jsonerrors", "1")
	if r.URL.RawQuery == "" {
		r.URL.RawQuery = "jsonerrors=1"
	} else {
		r.URL.RawQuery += "&jsonerrors=1"
	}
	_, w = serve(t, sign, r)
	var envelope struct {
		Error struct {
			Code   string `json:"error_code"`
			Status int    `json:"status_code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || w.Code != http.StatusOK {
		t.Fatalf("with jsonerrors: status %d, %q: %v", w.Code, w.Body, err)
	}
	if envelope.Error.Code != code || envelope.Error.Status != status {
		t.Errorf("%s %d, want %s %d", envelope.Error.Code, envelope.Error.Status, code, status)
	}
}

// wantAccepted checks that a request is signed and passed on whole.
func wantAccepted(t *testing.T, sign *Sign, r *http.Request) *received {
	t.Helper()
	rec, w := serve(t, sign, r)
	if w.Code != http.StatusOK || rec.err != nil {
		t.Fatalf("status %d, %v: %s", w.Code, rec.err, w.Body)
	}
	if !strings.Contains(string(rec.body)+rec.request.URL.RawQuery, "signature") {
		t.Fatal("passed on unsigned")
	}
	return rec
}

// Invariant 11: what a policy forbids never reaches the upstream whole, on any path to the
// same end.
func TestInvariant11WhatAPolicyForbidsOfADirectUpload(t *testing.T) {
	const kib = `{"max_file_size":1024}`
	kilobyte := strings.Repeat("x", 1024)
	const images = `{"types":["image/*",".pdf"]}`
	tests := map[string]struct {
		policy string
		form   string
		code   string // empty if the upload is accepted
	}{
		"a file of the size":            {kib, formOf(demoKey, typed("a.bin", "application/octet-stream", kilobyte)), ""},
		"a file larger by a byte":       {kib, formOf(demoKey, typed("a.bin", "application/octet-stream", kilobyte+"x")), "FileSizeLimitExceededError"},
		"before the key":                {kib, formOf(typed("a.bin", "application/octet-stream", kilobyte+"x"), demoKey), "FileSizeLimitExceededError"},
		"the second of two":             {kib, formOf(demoKey, file("a", "a.jpg", "x"), file("b", "b.jpg", kilobyte+"x")), "FileSizeLimitExceededError"},
		"two of the size":               {kib, formOf(demoKey, file("a", "a.jpg", kilobyte), file("b", "b.jpg", kilobyte)), ""},
		"a form within the file":        {kib, formOf(demoKey, typed("a.txt", "multipart/mixed; boundary=x", "--x\r\n\r\n"+kilobyte+"\r\n--x--\r\n")), "FileSizeLimitExceededError"},
		"an empty file":                 {kib, formOf(demoKey, file("a", "a.jpg", "")), ""},
		"an image":                      {images, formOf(demoKey, typed("a.png", "image/png", png)), ""},
		"an image that is undeclared":   {images, formOf(demoKey, typed("a.png", "application/octet-stream", png)), ""},
		"a program":                     {images, formOf(demoKey, typed("a.exe", "application/x-msdownload", exe)), "FileTypeForbiddenError"},
		"a program that is declared":    {images, formOf(demoKey, typed("a.png", "image/png", exe)), "FileTypeForbiddenError"},
		"an image with a program's end": {images, formOf(demoKey, typed("a.exe", "image/png", png)), "FileTypeForbiddenError"},
		"an image declared as a page":   {images, formOf(demoKey, typed("a.png", "text/html", png)), "FileTypeForbiddenError"},
		"a page":                        {images, formOf(demoKey, typed("a.png", "image/png", html)), "FileTypeForbiddenError"},
		"two names":                     {images, formOf(demoKey, part(`Content-Disposition: form-data; name="file"; filename="a.png"; filename="a.exe"`, png)), "FileTypeForbiddenError"},
		"a name in another charset":     {images, formOf(demoKey, part(`Content-Disposition: form-data; name="file"; filename="a.png"; filename*=UTF-8''a.exe`, png)), "FileTypeForbiddenError"},
		"a honest name in another":      {images, formOf(demoKey, part(`Content-Disposition: form-data; name="file"; filename="nave.png"; filename*=UTF-8''na%C3%AFve.png`, png)), ""},
		"three files":                   {`{"max_files":2}`, formOf(demoKey, file("a", "a.jpg", "x"), file("b", "b.jpg", "x"), file("c", "c.jpg", "x")), "RequestFileNumberLimitExceededError"},
		"two files":                     {`{"max_files":2}`, formOf(demoKey, file("a", "a.jpg", "x"), file("b", "b.jpg", "x")), ""},
		"no direct uploads":             {`{"endpoints":["multipart"]}`, formOf(demoKey, file("a", "a.jpg", "x")), "GatewayEndpointError"},
	}
	status := map[string]int{"GatewayEndpointError": http.StatusForbidden}
	for name, test := range tests {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked %v", name, chunked), func(t *testing.T) {
				sign := withPolicy(t, test.policy)
				request := func() *http.Request {
					r := uploadRequest(test.form)
					if chunked {
						r.ContentLength = -1
					}
					return r
				}
				if test.code == "" {
					rec := wantAccepted(t, sign, request())
					if !strings.HasPrefix(string(rec.body), strings.TrimSuffix(test.form, "--"+testBoundary+"--\r\n")) {
						t.Error("a byte was changed")
					}
					return
				}
				want := http.StatusBadRequest
				if status[test.code] != 0 {
					want = status[test.code]
				}
				wantRefused(t, sign, test.code, want, request)
			})
		}
	}
}

// If the query names one of several projects, its rules are known before the form is read.
func TestAProjectOfTheQueryIsJudgedAtOnce(t *testing.T) {
	source := `"source":{"module":"secret_key","keys":["` + testSecret + `"]}`
	sign := mustSign(t, `{"projects":[{"public_key":"narrow",`+source+`,"policy":{"max_files":1,"max_file_size":1000}},{"public_key":"free",`+source+`}]}`)
	large := formOf(file("file", "a.jpg", strings.Repeat("x", 2<<20)))
	for publicKey, status := range map[string]int{"narrow": http.StatusBadRequest, "free": http.StatusOK} {
		rec, w := serve(t, sign, withQuery(uploadRequest(large), "pub_key="+publicKey))
		if w.Code != status || rec.called != (status == http.StatusOK) {
			t.Errorf("%s: status %d, passed on %v: %s", publicKey, w.Code, rec.called, w.Body)
		}
	}
}

// Invariant 11: a body that the service does not read may say nothing of what a policy
// judges, in no spelling, for another server could read it.
func TestInvariant11BodiesBesideAQuery(t *testing.T) {
	sign := withPolicy(t, `{"from_url":["*.example.com"]}`)
	for body, status := range map[string]int{
		`{"source_url":"http://example.org/"}`:                                  http.StatusUnsupportedMediaType,
		`{"source\u005furl":"http://example.org/"}`:                             http.StatusUnsupportedMediaType,
		`{"\u0073ource_url":"http://example.org/"}`:                             http.StatusUnsupportedMediaType,
		`["source_url%3Dhttp://example.org/"]`:                                  http.StatusUnsupportedMediaType,
		`{"note":"C:\\users, \u00e9t\u00e9","filename":"https://example.org/"}`: http.StatusOK,
	} {
		for _, mediaType := range []string{"application/json", "text/plain"} {
			r := paramsRequest(http.MethodPost, "/from_url/?pub_key=demopublickey&source_url=https://cdn.example.com/a.jpg", mediaType, body)
			if _, w := serve(t, sign, r); w.Code != status {
				t.Errorf("%s %s: status %d, want %d", mediaType, body, w.Code, status)
			}
		}
	}
}

// Invariant 11, at the endpoints that take fields in every encoding.
func TestInvariant11WhatAPolicyForbidsOfFields(t *testing.T) {
	key := [2]string{"UPLOADCARE_PUB_KEY", "demopublickey"}
	pubKey := [2]string{"pub_key", "demopublickey"}
	start := func(size, filename, mediaType string) [][2]string {
		return [][2]string{key, {"size", size}, {"filename", filename}, {"content_type", mediaType}}
	}
	source := func(address string, more ...[2]string) [][2]string {
		return append([][2]string{pubKey, {"source_url", address}}, more...)
	}
	tests := map[string]struct {
		policy, path string
		fields       [][2]string
		code         string // empty if accepted
		status       int
	}{
		"size within":                   {`{"max_file_size":20971520}`, "/multipart/start/", start("20971520", "a.mp4", "video/mp4"), "", 0},
		"size over":                     {`{"max_file_size":20971520}`, "/multipart/start/", start("20971521", "a.mp4", "video/mp4"), "MultipartFileSizeLimitExceededError", 400},
		"the second size over":          {`{"max_file_size":20971520}`, "/multipart/start/", append(start("20971520", "a.mp4", "video/mp4"), [2]string{"size", "99999999"}), "MultipartFileSizeLimitExceededError", 400},
		"type":                          {`{"types":["video/*"]}`, "/multipart/start/", start("20971520", "a.mp4", "video/mp4"), "", 0},
		"another type":                  {`{"types":["video/*"]}`, "/multipart/start/", start("20971520", "a.mp4", "application/zip"), "FileTypeForbiddenError", 400},
		"another extension":             {`{"types":["video/*"]}`, "/multipart/start/", start("20971520", "a.exe", "video/mp4"), "FileTypeForbiddenError", 400},
		"another extension, later":      {`{"types":["video/*"]}`, "/multipart/start/", append(start("20971520", "a.mp4", "video/mp4"), [2]string{"filename", "a.exe"}), "FileTypeForbiddenError", 400},
		"no parts":                      {`{"endpoints":["base"]}`, "/multipart/start/", start("20971520", "a.mp4", "video/mp4"), "GatewayEndpointError", 403},
		"a source":                      {`{"from_url":["*.example.com"]}`, "/from_url/", source("https://cdn.example.com/a.jpg"), "", 0},
		"another source":                {`{"from_url":["*.example.com"]}`, "/from_url/", source("https://example.org/a.jpg"), "GatewaySourceURLError", 403},
		"a source of a similar name":    {`{"from_url":["*.example.com"]}`, "/from_url/", source("https://evilexample.com/a.jpg"), "GatewaySourceURLError", 403},
		"a user that looks like a host": {`{"from_url":["*.example.com"]}`, "/from_url/", source("https://cdn.example.com@example.org/a.jpg"), "GatewaySourceURLError", 403},
		"two sources":                   {`{"from_url":["*.example.com"]}`, "/from_url/", source("https://cdn.example.com/a.jpg", [2]string{"source_url", "https://example.org/"}), "GatewaySourceURLError", 403},
		"no sources":                    {`{"from_url":["off"]}`, "/from_url/", source("https://cdn.example.com/a.jpg"), "GatewaySourceURLError", 403},
		"a source of a type":            {`{"types":[".jpg"]}`, "/from_url/", source("https://cdn.example.com/a.jpg"), "", 0},
		"a source of another type":      {`{"types":[".jpg"]}`, "/from_url/", source("https://cdn.example.com/a.exe"), "FileTypeForbiddenError", 400},
		"no groups":                     {`{"endpoints":["base"]}`, "/group/", [][2]string{pubKey, {"files[]", "6c5e9526-b0fe-4739-8975-72e8d5ee6342"}}, "GatewayEndpointError", 403},
	}
	for name, test := range tests {
		for _, encoding := range encodings {
			t.Run(name+"/"+encoding.name, func(t *testing.T) {
				sign := withPolicy(t, test.policy)
				request := func() *http.Request { return encoding.request(test.path, test.fields...) }
				if test.code == "" {
					wantAccepted(t, sign, request())
				} else {
					wantRefused(t, sign, test.code, test.status, request)
				}
			})
		}
	}
}

// Invariant 11, where servers decode a value in different ways: every reading must be allowed.
func TestInvariant11EscapesThatServersDecodeDifferently(t *testing.T) {
	sources := withPolicy(t, `{"from_url":["cdn.example.org"]}`)
	for name, test := range map[string]struct {
		value  string
		status int
	}{
		"escaped":                        {"https%3A%2F%2Fcdn.example.org%2Fa.jpg", http.StatusOK},
		"not escaped":                    {"https://cdn.example.org/100%.jpg", http.StatusOK},
		"an escape of ASP in the path":   {"https://cdn.example.org/%u0444.jpg", http.StatusOK},
		"an escape in such a path":       {"https://cdn.example.org/%20%u0444.jpg", http.StatusOK},
		"ASP's slash behind the host":    {"https://cdn.example.org%u002f@evil.test/a.jpg", http.StatusForbidden},
		"ASP's letter in the host":       {"https://cdn.%u0065xample.org/a.jpg", http.StatusForbidden},
		"ASP's at sign in the path":      {"https://cdn.example.org/%u0040evil.test/", http.StatusOK},
		"CherryPy's slash":               {"https://cdn.example.org%u002f.evil.test/a.jpg", http.StatusForbidden},
		"a slash that qs leaves":         {"https://cdn.example.org%2f@evil.test/%zz", http.StatusForbidden},
		"so, for it is not UTF-8":        {"https://cdn.example.org%2f@evil.test/%c3é", http.StatusForbidden},
		"so, for it is not UTF-8 in all": {"https://cdn.example.org%2f@evil.test/\xc3%a9", http.StatusForbidden},
		"so, behind a semicolon":         {"https://cdn.example.org%2f@evil.test/;%zz", http.StatusForbidden},
	} {
		query := "pub_key=demopublickey&source_url=" + test.value
		for encoding, r := range map[string]*http.Request{
			"urlencoded": paramsRequest(http.MethodPost, "/from_url/", urlencoded, query),
			"query":      httptest.NewRequest(http.MethodGet, "/from_url/?"+query, http.NoBody),
		} {
			if _, w := serve(t, sources, r); w.Code != test.status {
				t.Errorf("%s, %s: status %d, want %d", name, encoding, w.Code, test.status)
			}
		}
	}
}

// Invariant 11: in another charset, the letters of a host beyond ASCII are others.
func TestInvariant11HostsInACharset(t *testing.T) {
	sources := withPolicy(t, `{"from_url":["*.bücher.example"]}`)
	key, ascii := [2]string{"pub_key", "demopublickey"}, [2]string{"source_url", "https://www.xn--bcher-kva.example/фото.jpg"}
	for charset, foreign := range map[string]bool{"utf-8": false, "latin-1": true, "windows-1251": true} {
		for _, source := range [][2]string{ascii, {"source_url", "https://www.bücher.example/a.jpg"}} {
			charsetField := [2]string{"_charset_", charset}
			multipart := multipartRequest("/from_url/", key, source)
			multipart.Header.Set("Content-Type", multipart.Header.Get("Content-Type")+"; charset="+charset)
			requests := map[string]*http.Request{
				"a form":     multipart,
				"urlencoded": paramsRequest(http.MethodPost, "/from_url/", urlencoded+"; charset="+charset, encode([][2]string{key, source})),
				"a query":    paramsRequest(http.MethodGet, "/from_url/?"+encode([][2]string{key, source}), urlencoded+"; charset="+charset, ""),
			}
			for _, encoding := range encodings {
				requests["before, "+encoding.name] = encoding.request("/from_url/", key, charsetField, source)
				requests["behind, "+encoding.name] = encoding.request("/from_url/", key, source, charsetField)
			}
			requests["a part"] = paramsRequest(http.MethodPost, "/from_url/", "multipart/form-data; boundary="+testBoundary,
				formOf("Content-Type: text/plain; charset="+charset+"\r\n"+field("source_url", source[1]), field("pub_key", "demopublickey")))
			for name, r := range requests {
				want := http.StatusOK
				if foreign && source != ascii {
					want = http.StatusForbidden
				}
				if rec, w := serve(t, sources, r); w.Code != want || want != http.StatusOK && rec.called && rec.err == nil {
					t.Errorf("%s in %s, %s: status %d, want %d", source[1], charset, name, w.Code, want)
				}
			}
		}
	}
}
