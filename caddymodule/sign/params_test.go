// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

var freshParams = regexp.MustCompile(`&?signature=([0-9a-f]{64})&expire=([0-9]{10})$`)

// cutFresh cuts the fresh credential from the end of params and checks it.
func cutFresh(t *testing.T, params string) string {
	t.Helper()
	match := freshParams.FindStringSubmatch(params)
	if match == nil {
		t.Fatalf("no credential at the end of %q", params)
	}
	if token.Sign(testSecret, match[2]) != match[1] {
		t.Errorf("the signature does not belong to %s", match[2])
	}
	return strings.TrimSuffix(params, match[0])
}

// Every encoding in which clients were seen to send their fields.
func TestParamsAreSigned(t *testing.T) {
	const key = "pub_key=demopublickey"
	tests := map[string]struct {
		method, target, mediaType, body string
		wantQuery, wantBody             string // without the fresh credential
		inBody                          bool   // the credential is in the body
	}{
		"start, urlencoded":            {"POST", "/multipart/start/", urlencoded, "UPLOADCARE_PUB_KEY=demopublickey&filename=a.bin&size=1", "", "UPLOADCARE_PUB_KEY=demopublickey&filename=a.bin&size=1", true},
		"start, with a charset":        {"POST", "/multipart/start/", urlencoded + "; charset=UTF-8", "UPLOADCARE_PUB_KEY=demopublickey", "", "UPLOADCARE_PUB_KEY=demopublickey", true},
		"the widget's empty pair":      {"POST", "/group/", urlencoded, key + "&signature=&expire=&files%5B%5D=u", "", key + "&files%5B%5D=u", true},
		"a stale pair":                 {"POST", "/group/", urlencoded, "signature=old&" + key + "&expire=1&Signature=x&files[0]=u", "", key + "&files[0]=u", true},
		"stale in body and query":      {"POST", "/group/?expire=1&jsonerrors=1&signature=old", urlencoded, key + "&expire=2&signature=old", "jsonerrors=1", key, true},
		"order and bytes are kept":     {"POST", "/group/?b=%20&a&&c=+", urlencoded, "z=%7e&" + key + "&a=+&&a=", "b=%20&a&&c=+", "z=%7e&" + key + "&a=+&&a=", true},
		"labelled as JSON":             {"POST", "/group//", "application/json", key + "&files[0]=u", "", key + "&files[0]=u", true},
		"query, no body":               {"POST", "/from_url/?" + key + "&source_url=http%3A%2F%2Fa%2F", "", "", key + "&source_url=http%3A%2F%2Fa%2F", "", false},
		"query, JSON without a body":   {"POST", "/from_url?" + key, "application/json", "", key, "", false},
		"query, form without a body":   {"POST", "/group/?" + key, "multipart/form-data; boundary=b", "", key, "", false},
		"query, stale pair":            {"POST", "/group?signature=old&" + key + "&expire=1", "", "", key, "", false},
		"query, and a body of JSON":    {"POST", "/from_url/?" + key, "application/json", "{}", key, "{}", false},
		"a number sign in the query":   {"GET", "/from_url/?" + key + "&x=1#", "", "", key + "&x=1%23", "", false},
		"query, and a text":            {"POST", "/from_url/?" + key, "text/plain", "hello", key, "hello", false},
		"a parameter that is none":     {"POST", "/from_url/", urlencoded + "; utf-8", key, "", key, true},
		"an empty charset":             {"POST", "/from_url/", urlencoded + "; charset=", key, "", key, true},
		"an unknown charset":           {"POST", "/from_url/", urlencoded + "; charset=windows-31j", key, "", key, true},
		"odd case":                     {"POST", "/from_url/", "Application/X-WWW-Form-urlencoded", key, "", key, true},
		"blanks around the key":        {"POST", "/from_url/", urlencoded, "pub_key=+demopublickey%0D%0A", "", "pub_key=+demopublickey%0D%0A", true},
		"a key in another spelling":    {"POST", "/from_url/", urlencoded, "Pub.Key%20=demopublickey", "", "Pub.Key%20=demopublickey", true},
		"a key behind 9,000 others":    {"POST", "/from_url/", urlencoded, strings.Repeat("a&", 9_000) + key, "", strings.Repeat("a&", 9_000) + key, true},
		"a key behind a semicolon":     {"POST", "/from_url/", urlencoded, "a=b;" + key, "", "a=b;" + key, true},
		"a stale field, %u0073":        {"POST", "/group/", urlencoded, key + "&%u0073ignature=old", "", key, true},
		"stale before a semicolon":     {"POST", "/group/", urlencoded, key + "&signature;a=old", "", key, true},
		"GET":                          {"GET", "/from_url/?" + key + "&jsonerrors=1&_=17&signature=&expire=", "", "", key + "&jsonerrors=1&_=17", "", false},
		"GET of a group":               {"GET", "/group/?" + key + "&files[]=a&callback=cb&signature=&expire=", "", "", key + "&files[]=a&callback=cb", "", false},
		"a signature within a value":   {"GET", "/from_url/?" + key + "&source_url=http%3A%2F%2Fa%2F%3Fsignature%3Dx%26expire%3D1", "", "", key + "&source_url=http%3A%2F%2Fa%2F%3Fsignature%3Dx%26expire%3D1", "", false},
		"the key in the query":         {"POST", "/group/?" + key, urlencoded, "files[0]=u", key, "files[0]=u", true},
		"both names of the key":        {"POST", "/from_url/", urlencoded, "UPLOADCARE_PUB_KEY=demopublickey&" + key, "", "UPLOADCARE_PUB_KEY=demopublickey&" + key, true},
		"a trailing ampersand":         {"POST", "/group/", urlencoded, key + "&", "", key, true},
		"semicolons that mean nothing": {"POST", "/group/?a=b;c", urlencoded, key + "&d=e;f", "a=b;c", key + "&d=e;f", true},
	}
	for name, test := range tests {
		for framing, change := range map[string]func(*http.Request){
			"with a length": func(*http.Request) {},
			"chunked": func(r *http.Request) {
				r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
				r.Body = io.NopCloser(iotest.OneByteReader(r.Body))
			},
		} {
			if framing == "chunked" && (test.method == "GET" || strings.HasPrefix(test.mediaType, "multipart")) {
				continue // has no body to be chunked
			}
			t.Run(name+"/"+framing, func(t *testing.T) {
				r := paramsRequest(test.method, test.target, test.mediaType, test.body)
				change(r)
				rec, w := serve(t, mustSign(t, onlyProject), r)
				if w.Code != http.StatusOK || rec.err != nil {
					t.Fatalf("response %d %q, error %v", w.Code, w.Body, rec.err)
				}
				query, body := rec.request.URL.RawQuery, string(rec.body)
				if test.inBody {
					body = cutFresh(t, body)
				} else {
					query = cutFresh(t, query)
				}
				if query != test.wantQuery || body != test.wantBody {
					t.Errorf("query %q, body %q", query, body)
				}
				if rec.request.ContentLength != lengthFor(rec.request.Method, len(rec.body)) || len(rec.request.TransferEncoding) > 0 {
					t.Errorf("length %d for %d bytes, transfer encoding %v", rec.request.ContentLength, len(rec.body), rec.request.TransferEncoding)
				}
				if header := rec.request.Header.Get("Content-Length"); test.method != "GET" && header != strconv.Itoa(len(rec.body)) {
					t.Errorf("Content-Length %q for %d bytes", header, len(rec.body))
				}
				checkOnePair(t, rec)
			})
		}
	}
}

// checkOnePair checks that exactly one pair is in query and body together.
func checkOnePair(t *testing.T, rec *received) {
	t.Helper()
	body, _ := url.ParseQuery(string(rec.body))
	for _, name := range []string{"signature", "expire"} {
		if values := slices.Concat(rec.request.URL.Query()[name], body[name]); len(values) != 1 {
			t.Errorf("%s: %q", name, values)
		}
	}
}

// lengthFor returns the length that a request with a body of a size has. That of a GET is not
// known, and its body empty, so that it is not repeated: TestAnUploadByGETIsSentOnce.
func lengthFor(method string, size int) int64 {
	if size == 0 && method != http.MethodPost {
		return -1
	}
	return int64(size)
}

// A line end at the end of a body stays there.
func TestParamsThatEndInALineEndAreSignedBeforeThem(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		rec, w := serve(t, mustSign(t, onlyProject), paramsRequest("POST", "/group/", urlencoded, "files[0]=u&signature=old&pub_key=demopublickey"+end))
		signed, ok := strings.CutSuffix(string(rec.body), "&files[0]=u&pub_key=demopublickey"+end)
		if w.Code != http.StatusOK || !ok || cutFresh(t, signed) != "" {
			t.Errorf("response %d %q, body %q", w.Code, w.Body, rec.body)
		}
	}
}

// A body that the service does not read does not leave, whatever is in it.
func TestABodyOfGETIsDroppedAndTheQuerySigned(t *testing.T) {
	for name, body := range map[string]string{"empty": "", "urlencoded": "signature=old&pub_key=other", "large": strings.Repeat("x", maxParamsSize+1)} {
		for _, length := range []int64{int64(len(body)), -1} {
			r := paramsRequest("GET", "/from_url/?pub_key=demopublickey&signature=old", urlencoded, body)
			r.ContentLength = length
			r.Header.Set("Content-Encoding", "gzip")
			rec, w := serve(t, mustSign(t, onlyProject), r)
			if w.Code != http.StatusOK || len(rec.body) > 0 || rec.request.ContentLength != lengthFor("GET", 0) || rec.request.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: response %d %q, %d bytes left", name, w.Code, w.Body, len(rec.body))
				continue
			}
			if query := cutFresh(t, rec.request.URL.RawQuery); query != "pub_key=demopublickey" {
				t.Errorf("%s: query %q", name, query)
			}
		}
	}
}

// HTTP/3 does not distinguish a request without a body from one of unknown length.
func TestAGETWhoseBodyTurnsOutToBeEmptyIsSigned(t *testing.T) {
	r := paramsRequest("GET", "/from_url/?pub_key=demopublickey", "", "")
	r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader(""))
	rec, w := serve(t, mustSign(t, onlyProject), r)
	if w.Code != http.StatusOK || len(rec.body) > 0 {
		t.Fatalf("response %d %q", w.Code, w.Body)
	}
	cutFresh(t, rec.request.URL.RawQuery)
}

func TestParamsThatCannotBeSignedAreRefused(t *testing.T) {
	const key = "pub_key=demopublickey"
	const onlyForms = "Only multipart/form-data and application/x-www-form-urlencoded can be signed here."
	tests := map[string]struct {
		method, target, mediaType, body string
		status                          int
		text                            string
	}{
		"no key":                   {"POST", "/group/", urlencoded, "files[0]=u", 403, "pub_key is required."},
		"no key, in a query":       {"GET", "/from_url/?source_url=a", "", "", 403, "pub_key is required."},
		"no key at start":          {"POST", "/multipart/start/", urlencoded, "size=1", 403, "UPLOADCARE_PUB_KEY is required."},
		"an unknown key":           {"POST", "/group/", urlencoded, "pub_key=other", 403, "pub_key is invalid."},
		"keys that differ":         {"POST", "/group/", urlencoded, "UPLOADCARE_PUB_KEY=demopublickey&pub_key=other", 400, "The request names more than one project."},
		"another key, as Django":   {"POST", "/group/", urlencoded, key + "&UPLOADCARE_PUB_KEY+=other", 400, "The request names more than one project."},
		"another key, bad escape":  {"POST", "/group/", urlencoded, key + "&pub_key=other%zz", 400, "The request names more than one project."},
		"another behind a sign":    {"POST", "/group/", urlencoded, key + "&a=b;pub_key=other", 400, "The request names more than one project."},
		"another behind 12,000":    {"POST", "/group/", urlencoded, key + strings.Repeat("&a", 12_000) + "&pub_key=other", 400, "The request names more than one project."},
		"another key in the query": {"POST", "/group/?pub_key=other", urlencoded, key, 400, "The request names more than one project."},
		"a long key":               {"POST", "/group/", urlencoded, "pub_key=" + strings.Repeat("k", 300), 400, "HTTP POST request parsing failed: field value is too long."},
		"JSON":                     {"POST", "/group/", "application/json", `{"pub_key":"demopublickey","a":"="}`, 415, onlyForms},
		"a text":                   {"POST", "/group/", "text/plain", key, 415, onlyForms},
		"no content type":          {"POST", "/group/", "", key, 415, onlyForms},
		"a text with a key":        {"POST", "/group/?" + key, "text/plain", key, 415, onlyForms},
		"a credential in JSON":     {"POST", "/group/?" + key, "application/json", `{"signature": "old"}`, 415, onlyForms},
		"a credential, escaped":    {"POST", "/group/?" + key, "application/json", `{"sign\u0061ture": "old"}`, 415, onlyForms},
		"a credential in pieces":   {"POST", "/group/?" + key, "multipart/form-datax; boundary=b", "--b\r\nContent-Disposition: form-data; name*0=sig; name*1=nature\r\n\r\nold\r\n--b--", 415, onlyForms},
		"a credential, no type":    {"POST", "/group/?" + key, "", "sign%61ture=old", 415, onlyForms},
		"large":                    {"POST", "/group/", urlencoded, key + "&a=" + strings.Repeat("a", maxParamsSize), 413, "The size of the request is too large."},
		"hidden by a semicolon":    {"POST", "/group/", urlencoded, key + "&a=b;signature=old", 400, "HTTP POST request parsing failed: ambiguous parameters."},
		"hidden in the query":      {"POST", "/group/?a=b;expire=1", urlencoded, key, 400, "HTTP POST request parsing failed: ambiguous parameters."},
		"urlencoded at base":       {"POST", "/base/", urlencoded, "UPLOADCARE_PUB_KEY=demopublickey", 415, "Only multipart/form-data can be signed here."},
		"a query at base":          {"POST", "/base/?UPLOADCARE_PUB_KEY=demopublickey", "", "", 415, "Only multipart/form-data can be signed here."},
		"a query at iframe":        {"POST", "/iframe/?UPLOADCARE_PUB_KEY=demopublickey", "", "", 415, "Only multipart/form-data can be signed here."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rec, w := serve(t, mustSign(t, onlyProject), paramsRequest(test.method, test.target, test.mediaType, test.body))
			if w.Code != test.status || w.Body.String() != test.text || rec.called {
				t.Errorf("response %d %q, passed on: %v", w.Code, w.Body, rec.called)
			}
		})
	}
	t.Run("large, chunked", func(t *testing.T) {
		r := paramsRequest("POST", "/group/", urlencoded, key+"&a="+strings.Repeat("a", maxParamsSize))
		r.ContentLength = -1
		if rec, w := serve(t, mustSign(t, onlyProject), r); w.Code != 413 || rec.called {
			t.Errorf("response %d %q", w.Code, w.Body)
		}
	})
	t.Run("blanks labelled JSON", func(t *testing.T) {
		if rec, w := serve(t, mustSign(t, onlyProject), paramsRequest("POST", "/group/", "application/json", "  ")); w.Code != 415 || rec.called {
			t.Errorf("response %d %q", w.Code, w.Body)
		}
	})
	t.Run("an odd charset", func(t *testing.T) {
		for _, r := range []*http.Request{
			paramsRequest("POST", "/group/", urlencoded+"; charset=utf-7", key),
			paramsRequest("POST", "/from_url/?"+key, "application/json; charset=utf-16", ""),
		} {
			if rec, w := serve(t, mustSign(t, onlyProject), r); w.Code != 415 || rec.called {
				t.Errorf("response %d %q", w.Code, w.Body)
			}
		}
	})
	t.Run("compressed", func(t *testing.T) {
		r := paramsRequest("POST", "/group/", urlencoded, key)
		r.Header.Set("Content-Encoding", "br")
		if rec, w := serve(t, mustSign(t, onlyProject), r); w.Code != 415 || rec.called {
			t.Errorf("response %d %q", w.Code, w.Body)
		}
	})
}

func TestMultipartFormsOfAllEndpointsAreSigned(t *testing.T) {
	for path, names := range map[string][2]string{
		"/multipart/start/": {"signature", "expire"}, "/from_url/": {"signature", "expire"}, "/group/": {"signature", "expire"},
		"/iframe/": {"UPLOADCARE_SIGNATURE", "UPLOADCARE_EXPIRE"},
	} {
		t.Run(path, func(t *testing.T) {
			r := uploadRequest(formOf(field("pub_key", "demopublickey"), field("signature", "old"), field("UPLOADCARE_EXPIRE", "1"), field("source_url", "a")))
			r.URL.Path, r.URL.RawQuery = path, "expire=1&a=b"
			rec, w := serve(t, mustSign(t, onlyProject), r)
			if w.Code != http.StatusOK {
				t.Fatalf("response %d %q", w.Code, w.Body)
			}
			fields := parseForm(t, rec.body)
			last := fields[len(fields)-2:]
			if last[0].name != names[0] || last[1].name != names[1] || token.Sign(testSecret, last[1].value) != last[0].value {
				t.Errorf("credential %v", last)
			}
			for _, f := range fields[:len(fields)-2] {
				if slices.Contains(uploadapi.CredentialFields(), f.name) {
					t.Errorf("a stale field was left: %v", f)
				}
			}
			if rec.request.ContentLength != int64(len(rec.body)) || rec.request.URL.RawQuery != "a=b" {
				t.Errorf("length %d for %d bytes, query %q", rec.request.ContentLength, len(rec.body), rec.request.URL.RawQuery)
			}
		})
	}
}
