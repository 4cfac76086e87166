// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var withCORS = strings.Replace(onlyProject, "{", `{"cors":["https://www.example.com","http://localhost:3000"],`, 1)

func fromOrigin(method, path, origin string) *http.Request {
	r := uploadRequest(formOf(demoKey, file("file", "a", "b")))
	r.Method, r.URL.Path, r.Host = method, path, "upload.example.com"
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

func TestCORSLetsConfiguredOriginsUpload(t *testing.T) {
	sign := mustSign(t, withCORS)
	for origin, want := range map[string]int{
		"":                                 200, // no browser
		"https://www.example.com":          200,
		"http://localhost:3000":            200,
		"https://upload.example.com":       200, // the gateway's own pages
		"http://localhost:3001":            403,
		"http://www.example.com":           403,
		"https://www.example.com.evil.com": 403,
		"https://evil.com":                 403,
		"null":                             403,
	} {
		for _, path := range []string{"/base/", "/info/"} {
			t.Run(origin+path, func(t *testing.T) {
				rec, w := serve(t, sign, fromOrigin("POST", path, origin))
				if w.Code != want || rec.called != (want == 200) {
					t.Errorf("response %d %q, passed on: %v", w.Code, w.Body, rec.called)
				}
				if allowed := w.Header().Get("Access-Control-Allow-Origin"); origin != "" && allowed != origin {
					t.Errorf("the response may be read by %q", allowed)
				}
			})
		}
	}
}

// With pictures and links a browser does not name the origin, but says that it
// is another one.
func TestCORSRefusesWhatOtherSitesSendWithoutAnOrigin(t *testing.T) {
	sign := mustSign(t, withCORS)
	for site, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "same-site": 403, "cross-site": 403} {
		r := paramsRequest("GET", "/from_url/?pub_key=demopublickey", "", "")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if rec, w := serve(t, sign, r); w.Code != want || rec.called != (want == 200) {
			t.Errorf("%q: response %d %q", site, w.Code, w.Body)
		}
	}
	r := fromOrigin("POST", "/base/", "foo://upload.example.com")
	if rec, w := serve(t, sign, r); w.Code != 403 || rec.called {
		t.Errorf("another scheme: response %d", w.Code)
	}
}

func TestCORSRespondsToPreflights(t *testing.T) {
	sign := mustSign(t, withCORS)
	preflight := func(origin string) *http.Request {
		r := fromOrigin("OPTIONS", "/base/", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "x-uc-user-agent")
		return r
	}
	rec, w := serve(t, sign, preflight("https://www.example.com"))
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://www.example.com", "Access-Control-Allow-Headers": "x-uc-user-agent",
		"Access-Control-Allow-Methods": "GET, POST, OPTIONS", "Access-Control-Max-Age": "86400", "Access-Control-Allow-Credentials": "true",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if w.Code != http.StatusNoContent || rec.called {
		t.Errorf("response %d, passed on: %v", w.Code, rec.called)
	}
	// It may send, to be refused with a response that it can read, but not keep
	// that for a day.
	if rec, w := serve(t, sign, preflight("https://evil.com")); w.Code != http.StatusNoContent || rec.called || w.Header().Get("Access-Control-Max-Age") != "0" ||
		w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("another origin: %d %v", w.Code, w.Header())
	}
	if rec, _ := serve(t, mustSign(t, onlyProject), preflight("https://evil.com")); !rec.called {
		t.Error("without cors, a preflight is not passed on")
	}
}

// The page whose request it is may read the response and no other, whatever the
// upstream says; and with cookies, but for the origin null.
func TestCORSNarrowsWhatTheUpstreamAllows(t *testing.T) {
	sign := mustSign(t, strings.Replace(onlyProject, "{", `{"cors":["https://www.example.com","null"],`, 1))
	for origin, credentials := range map[string]string{"https://www.example.com": "true", "https://upload.example.com": "true", "null": ""} {
		for _, upstream := range []string{"*", "https://www.example.com", ""} {
			w := serveBy(t, sign, fromOrigin("POST", "/base/", origin), func(w http.ResponseWriter, _ *http.Request) error {
				if upstream != "" {
					w.Header().Set("Access-Control-Allow-Origin", upstream)
					w.Header().Set("Access-Control-Allow-Credentials", "true")
				}
				_, err := w.Write([]byte("{}"))
				return err
			})
			header := w.Header()
			if header.Get("Access-Control-Allow-Origin") != origin || header.Get("Access-Control-Allow-Credentials") != credentials || header.Get("Vary") != "Origin" {
				t.Errorf("%s, %q: %v", origin, upstream, header)
			}
		}
	}
}

// A page that sends cookies can read why its upload, or its signature, was refused,
// if its origin may have either.
func TestCORSLetsRefusalsBeReadWithCredentials(t *testing.T) {
	sign := mustSign(t, withCORS)
	signature, err := newSignature(t, `{"project":{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]}},"cors":["https://www.example.com","null"]}`)
	if err != nil {
		t.Fatal(err)
	}
	for origin, credentials := range map[string]string{"https://www.example.com": "true", "https://upload.example.com": "true", "https://evil.com": "", "null": ""} {
		r := fromOrigin("POST", "/base/", origin)
		r.Header.Set("Content-Type", "text/plain")
		if _, w := serve(t, sign, r); w.Code < 400 || w.Header().Get("Access-Control-Allow-Origin") != origin || w.Header().Get("Access-Control-Allow-Credentials") != credentials {
			t.Errorf("upload from %s: %d %v", origin, w.Code, w.Header())
		}
		w := httptest.NewRecorder()
		if err := signature.ServeHTTP(w, fromOrigin("PUT", "/", origin), nil); err != nil || w.Code < 400 ||
			w.Header().Get("Access-Control-Allow-Origin") != origin || w.Header().Get("Access-Control-Allow-Credentials") != credentials {
			t.Errorf("signature for %s: %v %d %v", origin, err, w.Code, w.Header())
		}
	}
	r := fromOrigin("POST", "/base/", "https://www.example.com")
	r.Header.Set("Content-Type", "text/plain")
	if _, w := serve(t, mustSign(t, onlyProject), r); w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("without cors: %v", w.Header())
	}
}

// Preflights of a page in a sandbox, or on another scheme, are as any other's.
func TestCORSTakesEveryKindOfOrigin(t *testing.T) {
	sign := mustSign(t, strings.Replace(onlyProject, "{", `{"cors":["null","capacitor://localhost","https://*.example.com"],`, 1))
	credentials := map[string]string{"capacitor://localhost": "true", "https://a.example.com": "true"}
	for origin, want := range map[string]int{
		"null": 200, "capacitor://localhost": 200, "https://a.example.com": 200,
		"NULL": 403, "http://localhost": 403, "https://example.com": 403, "https://a.example.com.evil.org": 403,
	} {
		rec, w := serve(t, sign, fromOrigin("POST", "/base/", origin))
		if w.Code != want || rec.called != (want == 200) || w.Header().Get("Access-Control-Allow-Origin") != origin || w.Header().Get("Access-Control-Allow-Credentials") != credentials[origin] {
			t.Errorf("%s: response %d, header %v", origin, w.Code, w.Header())
		}
	}
}

// A page without an origin gets a signature without the browser's credentials:
// any page can put itself into a sandbox, and send its visitors' cookies from there.
func TestASignatureForNullIsWithoutCredentials(t *testing.T) {
	signature, err := newSignature(t, `{"project":{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]}},"cors":["null","app://."]}`)
	if err != nil {
		t.Fatal(err)
	}
	for origin, credentials := range map[string]string{"null": "", "app://.": "true"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		if err := signature.ServeHTTP(w, r, nil); err != nil || w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Credentials") != credentials {
			t.Errorf("%s: %v, response %d %v", origin, err, w.Code, w.Header())
		}
	}
}

func TestALoopIsRefused(t *testing.T) {
	sign := mustSign(t, onlyProject)
	rec, _ := serve(t, sign, uploadRequest(formOf(demoKey)))
	looped := uploadRequest(formOf(demoKey))
	looped.Header["Cdn-Loop"] = []string{"other; a=b, " + rec.request.Header.Get("Cdn-Loop")}
	rec, w := serve(t, sign, looped)
	if w.Code != http.StatusLoopDetected || rec.called || !strings.Contains(w.Body.String(), "leads back to the gateway") {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
	other := uploadRequest(formOf(demoKey))
	other.Header["Cdn-Loop"] = []string{"caddy-uploadcare; id=another, cloudflare"}
	if rec, w := serve(t, sign, other); w.Code != http.StatusOK || !rec.called {
		t.Errorf("through another gateway: response %d %q", w.Code, w.Body)
	}
}

func TestAnUpstreamThatFailsIsReportedInTheClientsDialect(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for name, r := range map[string]*http.Request{
		"multipart":  uploadRequest(formOf(demoKey)),
		"urlencoded": paramsRequest("POST", "/group/", urlencoded, "pub_key=demopublickey"),
		"unsigned":   paramsRequest("GET", "/info/", "", ""),
	} {
		r.URL.RawQuery = "jsonerrors=1"
		w := serveBy(t, sign, r, down)
		if want := `{"error":{"status_code":502,"content":"The Upload API cannot be reached by the gateway.","error_code":"GatewayUpstreamError"}}`; w.Body.String() != want {
			t.Errorf("%s: response %d %s", name, w.Code, w.Body)
		}
		if w.Header().Get("X-Uploadcare-Request-Id") == "" {
			t.Errorf("%s: no request id", name)
		}
	}
}

func TestSignatureIsHandedOut(t *testing.T) {
	// The project of uploadcare_sign, and so its token.
	sign := mustSign(t, onlyProject)
	rec, _ := serve(t, sign, uploadRequest(formOf(demoKey)))
	shared := (&arrival{body: string(rec.body)}).credential(t)
	signature, err := newSignature(t, `{"project":{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]}},"cors":["https://www.example.com"]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"secureSignature":"` + shared.Signature + `","secureExpire":"`
	for name, test := range map[string]struct {
		method, origin string
		status         int
		body           string
	}{
		"no browser":     {"GET", "", 200, want},
		"same origin":    {"GET", "https://upload.example.com", 200, want},
		"allowed origin": {"GET", "https://www.example.com", 200, want},
		"another origin": {"GET", "https://evil.com", 403, "Signatures are not handed out to pages of this origin."},
		"POST":           {"POST", "", 405, "Signatures are handed out by GET."},
		"HEAD":           {"HEAD", "", 405, "Signatures are handed out by GET."},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/api/uploadcare-signature", nil)
			r.Host = "upload.example.com"
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			w := httptest.NewRecorder()
			if err := signature.ServeHTTP(w, r, nil); err != nil {
				t.Fatal(err)
			}
			if w.Code != test.status || !strings.HasPrefix(w.Body.String(), test.body) || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("response %d %s %v", w.Code, w.Body, w.Header())
			}
		})
	}
	r := httptest.NewRequest("OPTIONS", "/", nil)
	r.Header.Set("Origin", "https://www.example.com")
	r.Header.Set("Access-Control-Request-Method", "GET")
	w := httptest.NewRecorder()
	if err := signature.ServeHTTP(w, r, nil); err != nil || w.Code != http.StatusNoContent {
		t.Errorf("preflight: %v, response %d", err, w.Code)
	}
}

func TestSignatureConfig(t *testing.T) {
	if _, err := newSignature(t, `{"project":{"public_key":"*","source":{"module":"secret_key","keys":["s"]}}}`); err == nil || !strings.Contains(err.Error(), "belongs to one project") {
		t.Errorf("any project: %v", err)
	}
	for text, want := range map[string]string{
		"uploadcare_signature x":             "unexpected argument 'x': uploadcare_signature takes a block",
		"uploadcare_signature {\n cors *\n}": `"*" is not an origin`,

		"uploadcare_signature {\n project a {\n secret_key s\n }\n project b {\n secret_key t\n }\n}": "uploadcare_signature takes one project",
		"uploadcare_signature {\n bypasses_policy yes\n}":                                             "bypasses_policy takes no argument",
		"uploadcare_signature {\n bypasses_policy\n cors https://a\n bypasses_policy\n}":              "bypasses_policy already specified",
		"uploadcare_signature {\n bypasses_policy {\n x\n }\n}":                                       "bypasses_policy takes no block",
		"uploadcare_signature {\n bypass_policy\n}":                                                   "unrecognized subdirective 'bypass_policy': expected bypasses_policy, project, cors",
	} {
		if err := unmarshalSignature(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := unmarshalSignature("uploadcare_signature {\n project a\n secret_key s\n cors https://a\n}"); err != nil {
		t.Error(err)
	}
}
