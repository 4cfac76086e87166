// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const schemeTokenProject = `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"secret_key","keys":["` + testSecret + `"]}}]}`

// checkBearer checks that r has exactly one Authorization, a sound access token
// for a path, and returns it.
func checkBearer(t *testing.T, r *http.Request, path string) (string, *token.AccessToken) {
	t.Helper()
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 || !strings.HasPrefix(headers[0], "Bearer ") {
		t.Fatalf("%d Authorizations that are no token", len(headers))
	}
	text := strings.TrimPrefix(headers[0], "Bearer ")
	verified, err := token.VerifyAccessToken(testSecret, text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !verified.Allows(path) {
		t.Errorf("it is not good for %s", path)
	}
	return text, verified
}

// checkNoPair checks that there is no field of a credential in query and body.
func checkNoPair(t *testing.T, query string, fields []parsedField) {
	t.Helper()
	if query != "" {
		t.Errorf("query: %q", query)
	}
	for _, f := range fields {
		name := strings.ToLower(f.name)
		if f.filename == "" && (strings.HasSuffix(name, "signature") || strings.HasSuffix(name, "expire")) {
			t.Errorf("a stale field was left: %v", f)
		}
	}
}

// Invariants 1 to 3 in scheme `token`: one credential, in the header, and none
// of the client's; all the rest as it was, in a body of the same length.
func TestInvariant2InSchemeTokenTheOnlyCredentialIsInTheHeader(t *testing.T) {
	sign := mustSign(t, schemeTokenProject)
	for name, parts := range staleForms {
		for framing, change := range map[string]func(*http.Request){
			"with a length": func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, // as after request_buffers
			"chunked": func(r *http.Request) {
				r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
				r.Body = io.NopCloser(iotest.OneByteReader(r.Body))
			},
		} {
			t.Run(name+"/"+framing, func(t *testing.T) {
				body := "preamble\r\n" + formOf(parts...) + "epilogue"
				r := uploadRequest(body)
				r.URL.RawQuery = "signature=old&Expire=1&UPLOADCARE_SIGNATURE&expire="
				r.Header["Authorization"] = []string{"Basic abc", "Bearer old"}
				change(r)
				rec, w := serve(t, sign, r)
				if w.Code != http.StatusOK || rec.err != nil {
					t.Fatalf("response %d %q, error %v", w.Code, w.Body, rec.err)
				}
				_, verified := checkBearer(t, rec.request, "/base/")
				if verified.Allows("/group/") || verified.Operations != 0 {
					t.Errorf("it is good for more than it has to be: %+v", verified)
				}
				arrived := parseForm(t, rec.body)
				checkNoPair(t, rec.request.URL.RawQuery, arrived)
				checkOthersAsSent(t, parseForm(t, []byte(body)), arrived)
				if len(rec.body) != len(body) || strings.Contains(string(rec.body), "old") {
					t.Errorf("%d bytes became %d: %q", len(body), len(rec.body), rec.body)
				}
				checkFraming(t, rec, framing == "chunked")
			})
		}
	}
}

// checkOthersAsSent checks that only stale fields became something else.
func checkOthersAsSent(t *testing.T, sent, arrived []parsedField) {
	t.Helper()
	if len(sent) != len(arrived) {
		t.Fatalf("%d parts became %d", len(sent), len(arrived))
	}
	for i, f := range sent {
		stale := f.filename == "" && slices.ContainsFunc(uploadapi.CredentialFields(), func(name string) bool { return strings.EqualFold(name, f.name) })
		if stale != (arrived[i] != f) {
			t.Errorf("part %d: %q became %q", i, f, arrived[i])
		}
	}
}

func checkFraming(t *testing.T, rec *received, chunked bool) {
	t.Helper()
	length, header, encoding := int64(len(rec.body)), strconv.Itoa(len(rec.body)), []string(nil)
	if chunked {
		length, header, encoding = -1, "", []string{"chunked"}
	}
	if r := rec.request; r.ContentLength != length || r.Header.Get("Content-Length") != header || !slices.Equal(r.TransferEncoding, encoding) {
		t.Errorf("promised %d, %q and %v", r.ContentLength, r.Header.Get("Content-Length"), r.TransferEncoding)
	}
}

func TestParamsInSchemeToken(t *testing.T) {
	const key = "pub_key=demopublickey"
	tests := map[string]struct {
		method, target, mediaType, body string
		wantQuery, wantBody             string
	}{
		"urlencoded":              {"POST", "/multipart/start/", urlencoded, "UPLOADCARE_PUB_KEY=demopublickey&size=1", "", "UPLOADCARE_PUB_KEY=demopublickey&size=1"},
		"the widget's empty pair": {"POST", "/group/", urlencoded, key + "&signature=&expire=&files%5B%5D=u", "", key + "&files%5B%5D=u"},
		"stale in body and query": {"POST", "/group/?expire=1&jsonerrors=1&signature=old", urlencoded, "signature=old&" + key + "&Expire=2", "jsonerrors=1", key},
		"nothing else in it":      {"POST", "/group/?" + key, urlencoded, "signature=old", key, ""},
		"order and bytes":         {"POST", "/group/?b=%20&a&&c=+", urlencoded, "z=%7e&" + key + "&a=+&&a=&", "b=%20&a&&c=+", "z=%7e&" + key + "&a=+&&a=&"},
		"labelled as JSON":        {"POST", "/group//", "application/json", key, "", key},
		"query, no body":          {"POST", "/from_url/?" + key + "&expire=1&source_url=a", "", "", key + "&source_url=a", ""},
		"query, form of nothing":  {"POST", "/group?" + key, "multipart/form-data; boundary=b", "", key, ""},
		"GET":                     {"GET", "/from_url/?" + key + "&signature=&expire=", "", "", key, ""},
		"GET, no slash":           {"GET", "//from_url?" + key, "", "", key, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := paramsRequest(test.method, test.target, test.mediaType, test.body)
			rec, w := serve(t, mustSign(t, schemeTokenProject), r)
			if w.Code != http.StatusOK || rec.err != nil {
				t.Fatalf("response %d %q, error %v", w.Code, w.Body, rec.err)
			}
			path, _, _ := strings.Cut(test.target, "?")
			if rec.request.URL.Path != uploadapi.Endpoint(path) {
				t.Errorf("left for %s", rec.request.URL.Path)
			}
			_, granted := checkBearer(t, rec.request, rec.request.URL.Path)
			if path+"/" != rec.request.URL.Path && path != rec.request.URL.Path && granted.Allows(path) {
				t.Errorf("it is good for %s, too", path)
			}
			if rec.request.URL.RawQuery != test.wantQuery || string(rec.body) != test.wantBody {
				t.Errorf("query %q, body %q", rec.request.URL.RawQuery, rec.body)
			}
			if rec.request.ContentLength != lengthFor(rec.request.Method, len(test.wantBody)) || len(rec.request.TransferEncoding) > 0 {
				t.Errorf("length %d, transfer encoding %v", rec.request.ContentLength, rec.request.TransferEncoding)
			}
		})
	}
	t.Run("iframe", func(t *testing.T) {
		r := uploadRequest(formOf(demoKey, field("UPLOADCARE_SIGNATURE", "old"), file("file", "a", "b"), field("UPLOADCARE_EXPIRE", "1")))
		r.URL.Path = "/iframe/"
		rec, _ := serve(t, mustSign(t, schemeTokenProject), r)
		checkBearer(t, rec.request, "/iframe/")
		checkNoPair(t, "", parseForm(t, rec.body))
	})
}

// What the client's request shows of itself, to placeholders, access logs and
// error routes, never has the token; nor has anything that is logged.
func TestInvariant8AnAccessTokenIsSeenByTheUpstreamAlone(t *testing.T) {
	for name, form := range map[string]string{
		"accepted": formOf(demoKey, file("file", "a", "b")),
		"refused":  formOf(file("file", "a", "b"), field("UPLOADCARE_PUB_KEY", "other")),
	} {
		t.Run(name, func(t *testing.T) {
			sign := mustSign(t, schemeTokenProject)
			logs := observeAll(sign)
			r := uploadRequest(form)
			replacer := caddy.NewReplacer()
			r = caddyhttp.PrepareRequest(r, replacer, httptest.NewRecorder(), new(caddyhttp.Server))
			rec, w := serve(t, sign, r)
			text, _ := checkBearer(t, rec.request, "/base/")
			replaced := replacer.ReplaceAll("{http.request.header.Authorization}{http.request.orig_uri}{http.uploadcare.error_code}", "")
			for where, shown := range map[string]string{"response": w.Body.String(), "placeholders": replaced, "header": strings.Join(r.Header.Values("Authorization"), "")} {
				if strings.Contains(shown, text) || strings.Contains(shown, "Bearer") {
					t.Errorf("the token is in the %s: %s", where, shown)
				}
			}
			if logs.Len() == 0 {
				t.Fatal("nothing was logged")
			}
			encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
			for _, entry := range logs.All() {
				line, err := encoder.EncodeEntry(entry.Entry, entry.Context)
				if err != nil || strings.Contains(line.String(), text) || strings.Contains(line.String(), testSecret) {
					t.Errorf("the log shows it: %s, %v", line, err)
				}
			}
		})
	}
}

// Invariant 7 in scheme `token`. The header is on its way when a form turns out
// to be for another project; then the form does not arrive whole.
func TestInvariant7InSchemeTokenTheUploadMustBeForTheProject(t *testing.T) {
	aFile := file("file", "a", "b")
	tests := map[string]struct {
		request   *http.Request
		status    int
		code      string
		beforeAny bool // nothing is passed on at all
	}{
		"no key":                       {uploadRequest(formOf(aFile)), 403, "ProjectPublicKeyRequiredError", false},
		"another key, last":            {uploadRequest(formOf(aFile, field("UPLOADCARE_PUB_KEY", "other"))), 403, "ProjectPublicKeyInvalidError", false},
		"two keys":                     {uploadRequest(formOf(demoKey, aFile, field("pub_key", "other"))), 400, "GatewayPublicKeyConflictError", false},
		"another key in the query":     {withQuery(uploadRequest(formOf(demoKey, aFile)), "pub_key=other"), 403, "ProjectPublicKeyInvalidError", true},
		"no key in a query":            {paramsRequest("GET", "/from_url/?source_url=a", "", ""), 403, "ProjectPublicKeyRequiredError", true},
		"another key, urlencoded":      {paramsRequest("POST", "/group/", urlencoded, "pub_key=other"), 403, "ProjectPublicKeyInvalidError", true},
		"no key, urlencoded":           {paramsRequest("POST", "/group/", urlencoded, "files[0]=u"), 403, "ProjectPublicKeyRequiredError", true},
		"no form":                      {paramsRequest("POST", "/base/", urlencoded, "UPLOADCARE_PUB_KEY=demopublickey"), 415, "GatewayContentTypeError", true},
		"cut off":                      {uploadRequest(strings.TrimSuffix(formOf(demoKey, aFile), "--\r\n")), 400, "PostRequestParserFailedError", false},
		"a stale field that is hidden": {withQuery(uploadRequest(formOf(demoKey)), "a=b;signature=old"), 400, "PostRequestParserFailedError", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rec, w := serve(t, mustSign(t, schemeTokenProject), withQuery(test.request, test.request.URL.RawQuery+"&jsonerrors=1"))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"status_code":`+strconv.Itoa(test.status)) || !strings.Contains(w.Body.String(), `"error_code":"`+test.code+`"`) {
				t.Errorf("response %d %s", w.Code, w.Body)
			}
			if rec.called == test.beforeAny || rec.called && rec.err == nil {
				t.Errorf("passed on: %v, and whole: %v", rec.called, rec.err == nil)
			}
			if strings.HasSuffix(string(rec.body), "--\r\n") {
				t.Errorf("the form is complete: %q", rec.body)
			}
		})
	}
}

func withQuery(r *http.Request, query string) *http.Request {
	r.URL.RawQuery = strings.TrimPrefix(query, "&")
	return r
}
