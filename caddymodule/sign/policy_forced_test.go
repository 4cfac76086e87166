// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// withReplacer gives a request the placeholders that Caddy's server gives it.
func withReplacer(r *http.Request) *http.Request {
	replacer := caddy.NewReplacer()
	r = r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, replacer))
	return caddyhttp.PrepareRequest(r, replacer, nil, new(caddyhttp.Server))
}

const byUser = `{"metadata":{"user":"{http.request.header.X-User}"},"store":"1"}`

// values returns all values that a server reads under a name, from the body as well as
// from the query.
func (rec *received) values(t *testing.T, name string) []string {
	t.Helper()
	values := rec.request.URL.Query()[name]
	switch mediaType := rec.request.Header.Get("Content-Type"); {
	case len(rec.body) == 0:
	case strings.HasPrefix(mediaType, "multipart/"):
		for _, field := range parseForm(t, rec.body) {
			if field.name == name {
				values = append(values, field.value)
			}
		}
	default:
		parsed, err := url.ParseQuery(string(rec.body))
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, parsed[name]...)
	}
	return values
}

// Forced fields are in the upload once, with the operator's value, whatever the client
// sends, and wherever.
func TestForcedFieldsReplaceTheClients(t *testing.T) {
	sign := withPolicy(t, byUser)
	endpoints := map[string]struct{ key, store string }{
		"/multipart/start/": {"UPLOADCARE_PUB_KEY", "UPLOADCARE_STORE"},
		"/from_url/":        {"pub_key", "store"},
	}
	for path, names := range endpoints {
		for _, encoding := range encodings {
			t.Run(path+encoding.name, func(t *testing.T) {
				r := encoding.request(path, [2]string{names.key, "demopublickey"}, [2]string{"source_url", "https://example.com/a.jpg"},
					[2]string{"metadata[user]", "forged"}, [2]string{"metadata[users]", "kept"}, [2]string{"METADATA[user]", "forged"},
					[2]string{"store", "0"}, [2]string{"UPLOADCARE_STORE", "0"}, [2]string{"metadata[user]", "forged"})
				r.Header.Set("X-User", "zoë & co=1")
				rec := wantAccepted(t, sign, withReplacer(r))
				if got := rec.values(t, "metadata[user]"); !slices.Equal(got, []string{"zoë & co=1"}) {
					t.Errorf("metadata[user]: %q", got)
				}
				if got := rec.values(t, names.store); !slices.Equal(got, []string{"1"}) {
					t.Errorf("%s: %q", names.store, got)
				}
				if got := rec.values(t, "metadata[users]"); !slices.Equal(got, []string{"kept"}) {
					t.Errorf("a field with a similar name: %q", got)
				}
				if strings.Contains(string(rec.body)+rec.request.URL.RawQuery, "forged") {
					t.Errorf("the client's value was left: %q %q", rec.request.URL.RawQuery, rec.body)
				}
				if length := rec.request.ContentLength; length >= 0 && length != int64(len(rec.body)) {
					t.Errorf("Content-Length %d, body of %d bytes", length, len(rec.body))
				}
			})
		}
	}
}

// An endpoint that takes no metadata gets none, and loses the client's.
func TestForcedFieldsGoWhereTheEndpointTakesThem(t *testing.T) {
	sign := withPolicy(t, byUser)
	r := paramsRequest(http.MethodPost, "/group/", urlencoded, "pub_key=demopublickey&files[]=6c5e9526-b0fe-4739-8975-72e8d5ee6342")
	r.Header.Set("X-User", "anna")
	rec := wantAccepted(t, sign, withReplacer(r))
	if strings.Contains(string(rec.body), "metadata") || strings.Contains(string(rec.body), "store") {
		t.Errorf("%q", rec.body)
	}
}

// An empty value takes the client's field out, and puts none in.
func TestAnEmptyForcedValueRemovesTheClients(t *testing.T) {
	sign := withPolicy(t, byUser)
	rec := wantAccepted(t, sign, withReplacer(uploadRequest(formOf(demoKey, field("metadata[user]", "forged"), file("file", "a.jpg", "x")))))
	if strings.Contains(string(rec.body), "metadata") || strings.Contains(string(rec.body), "forged") {
		t.Errorf("%q", rec.body)
	}
}

// A client that writes a placeholder gets no secret by it.
func TestForcedValuesAreNotResolvedAgain(t *testing.T) {
	t.Setenv("CANARY_OF_METADATA", "canary")
	sign := withPolicy(t, byUser)
	for _, user := range []string{"{env.CANARY_OF_METADATA}", "{http.request.header.X-User}", "{{env.CANARY_OF_METADATA}}", "{env.CANARY_OF_METADATA"} {
		r := uploadRequest(formOf(demoKey, field("metadata[other]", "{env.CANARY_OF_METADATA}"), file("file", "{env.CANARY_OF_METADATA}.jpg", "x")))
		r.Header.Set("X-User", user)
		rec := wantAccepted(t, sign, withReplacer(r))
		if got := rec.values(t, "metadata[user]"); !slices.Equal(got, []string{user}) {
			t.Errorf("%q arrives as %q", user, got)
		}
		if strings.Contains(string(rec.body), "canary") {
			t.Errorf("%q: a placeholder was resolved: %q", user, rec.body)
		}
	}
}

// Invariant 3, with forced values of several bytes to a character: the length is exact.
func TestInvariant3ForcedValuesOfManyBytes(t *testing.T) {
	sign := withPolicy(t, byUser)
	for _, user := range []string{"a", "zoë", "日本語", strings.Repeat("😀", 512), `quote" and \ and ; and = &`, "\u202etxt.exe"} {
		r := uploadRequest(formOf(field("metadata[user]", "forged"), file("file", "a.jpg", "x"), demoKey))
		r.Header.Set("X-User", user)
		rec := wantAccepted(t, sign, withReplacer(r))
		if rec.request.ContentLength != int64(len(rec.body)) {
			t.Errorf("%q: Content-Length %d, body of %d bytes", user, rec.request.ContentLength, len(rec.body))
		}
		if got := rec.values(t, "metadata[user]"); !slices.Equal(got, []string{user}) {
			t.Errorf("%q arrives as %q", user, got)
		}
	}
}

// A value that would be more than a value is refused before a byte leaves.
func TestForcedValuesThatAttackAreRefused(t *testing.T) {
	sign := withPolicy(t, byUser)
	for name, user := range map[string]string{
		"a line end":            "a\r\nContent-Type: text/html",
		"a bare LF":             "a\nb",
		"a bare CR":             "a\rb",
		"NUL":                   "a\x00b",
		"an escape":             "a\x1b[2J",
		"DEL":                   "a\x7f",
		"a C1 control":          "a\u0085b",
		"no UTF-8":              "a\xff",
		"the delimiter":         "a--" + testBoundary,
		"the closing one":       "\"--" + testBoundary + "--",
		"more than the limit":   strings.Repeat("a", 513),
		"10 KB":                 strings.Repeat("a", 10<<10),
		"more than it, of many": strings.Repeat("😀", 513),
	} {
		t.Run(name, func(t *testing.T) {
			r := uploadRequest(formOf(demoKey, file("file", "a.jpg", "x")))
			r.Header["X-User"] = []string{user}
			rec, w := serve(t, sign, withReplacer(r))
			if rec.called || w.Code != http.StatusBadRequest {
				t.Errorf("status %d, called %v: %s", w.Code, rec.called, w.Body)
			}
			if strings.Contains(w.Body.String(), user) {
				t.Errorf("the value is in the response: %q", w.Body)
			}
		})
	}
}

// Invariant 3: a forced value arrives as it is or not at all, though servers decode it by a
// charset that the client names. ASCII is the same in those that are let through.
func TestInvariant3ForcedValuesInACharset(t *testing.T) {
	sign := withPolicy(t, byUser)
	key := [2]string{"pub_key", "demopublickey"}
	fields := [][2]string{key, {"source_url", "https://example.com/a.jpg"}}
	multipart := "multipart/form-data; boundary=" + testBoundary
	named := func(charset string) map[string]*http.Request {
		charsetField := [2]string{"_charset_", charset}
		requests := map[string]*http.Request{
			"a form":                  paramsRequest(http.MethodPost, "/from_url/", multipart+"; charset="+charset, formOf(field("pub_key", "demopublickey"), field("source_url", "https://example.com/a.jpg"))),
			"a form, two charsets":    paramsRequest(http.MethodPost, "/from_url/", multipart+"; charset=utf-8; Charset = \""+charset+"\"", formOf(field("pub_key", "demopublickey"))),
			"an upload":               paramsRequest(http.MethodPost, "/base/", multipart+"; charset*=utf-8''"+charset, formOf(file("file", "a.jpg", "x"), demoKey)),
			"urlencoded":              paramsRequest(http.MethodPost, "/from_url/", urlencoded+";charset="+charset, encode(fields)),
			"labelled as JSON":        paramsRequest(http.MethodPost, "/from_url/", "application/json; charset="+charset, encode(fields)),
			"JSON beside a query":     paramsRequest(http.MethodPost, "/from_url/?"+encode(fields), "application/json; charset="+charset, "{}"),
			"a query":                 paramsRequest(http.MethodGet, "/from_url/?"+encode(fields), urlencoded+"; charset="+charset, ""),
			"a query beside a form":   paramsRequest(http.MethodPost, "/from_url/?"+encode(fields[1:]), multipart+"; charset="+charset, formOf(field("pub_key", "demopublickey"))),
			"a field before the key":  uploadRequest(formOf(field("_charset_", charset), file("file", "a.jpg", "x"), demoKey)),
			"a field behind the key":  uploadRequest(formOf(demoKey, file("file", "a.jpg", "x"), field("_CHARSET_", charset))),
			"a field, key in a query": withQuery(uploadRequest(formOf(field("_charset_", charset), file("file", "a.jpg", "x"))), "pub_key=demopublickey"),
			"a field beside a form":   withQuery(uploadRequest(formOf(demoKey, file("file", "a.jpg", "x"))), "_charset_="+charset),
		}
		for _, encoding := range encodings {
			requests["a field, "+encoding.name] = encoding.request("/from_url/", key, charsetField, fields[1])
			requests["a last field, "+encoding.name] = encoding.request("/from_url/", key, fields[1], charsetField)
		}
		return requests
	}
	for charset, foreign := range map[string]bool{"utf-8": false, "UTF8": false, "latin-1": true, "us-ascii": true, "gbk": true, "shift_jisx0213": true, "utf-8-sig": true} {
		for _, user := range []string{"anna@example.com", "zoë", `a\b`, "~anna"} {
			for name, r := range named(charset) {
				r.Header.Set("X-User", user)
				rec, w := serve(t, sign, withReplacer(r))
				if foreign && user != "anna@example.com" {
					if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "metadata of this upload cannot be set") || rec.called && rec.err == nil {
						t.Errorf("%s in %s, %s: status %d, called %v: %s", user, charset, name, w.Code, rec.called, w.Body)
					}
				} else if w.Code != http.StatusOK || rec.err != nil || !slices.Equal(rec.values(t, "metadata[user]"), []string{user}) {
					t.Errorf("%s in %s, %s: status %d, %v: %s", user, charset, name, w.Code, rec.err, w.Body)
				}
			}
		}
	}
}

// A charset is held against the project that the form turns out to name.
func TestForcedValuesInACharsetOfSeveralProjects(t *testing.T) {
	project := func(key, policy string) string {
		return `{"public_key":"` + key + `","source":{"module":"secret_key","keys":["` + testSecret + `"]},"policy":` + policy + `}`
	}
	sign := mustSign(t, `{"projects":[`+project("forcing", `{"metadata":{"user":"zoë"}}`)+`,`+project("plain", `{"metadata":{"user":"anna"}}`)+`,`+project("free", `{"max_files":3}`)+`]}`)
	for key, status := range map[string]int{"forcing": http.StatusBadRequest, "plain": http.StatusOK, "free": http.StatusOK} {
		keyField, upload, charset := field("UPLOADCARE_PUB_KEY", key), file("file", "a.jpg", "x"), field("_charset_", "latin-1")
		for _, form := range []string{formOf(charset, upload, keyField), formOf(keyField, upload, charset), formOf(upload, charset, keyField)} {
			if rec, w := serve(t, sign, withReplacer(uploadRequest(form))); w.Code != status || (rec.err == nil) != (status == http.StatusOK) {
				t.Errorf("%s: status %d, %v", key, w.Code, rec.err)
			}
		}
	}
}

// A value that holds the delimiter is refused wherever the project is named: in the query,
// it is known before the boundary is.
func TestForcedValuesWithTheDelimiterAreRefusedWhereverTheKeyStands(t *testing.T) {
	project := func(key, scheme, policy string) string {
		return `{"public_key":"` + key + `","scheme":"` + scheme + `","source":{"module":"secret_key","keys":["` + testSecret + `"]},"policy":` + policy + `}`
	}
	const byUser = `{"metadata":{"user":"{http.request.header.X-User}"}}`
	key, upload := field("UPLOADCARE_PUB_KEY", "forcing"), file("file", "a.jpg", "x")
	for config, projects := range map[string]string{
		"one project":                project("forcing", "signature", byUser),
		"both force it":              project("forcing", "signature", byUser) + "," + project("other", "signature", byUser),
		"one of two forces it":       project("forcing", "signature", byUser) + "," + project("other", "signature", `{"max_files":9}`),
		"one of two has a policy":    project("forcing", "signature", byUser) + `,{"public_key":"other","source":{"module":"secret_key","keys":["` + testSecret + `"]}}`,
		"access tokens, one project": project("forcing", "token", byUser),
	} {
		sign := mustSign(t, `{"projects":[`+projects+`]}`)
		for place, r := range map[string]*http.Request{
			"in the query":          withQuery(uploadRequest(formOf(upload)), "pub_key=forcing"),
			"in both":               withQuery(uploadRequest(formOf(key, upload)), "pub_key=forcing"),
			"before the file":       uploadRequest(formOf(key, upload)),
			"in the query, chunked": asChunked(withQuery(uploadRequest(formOf(upload)), "UPLOADCARE_PUB_KEY=forcing")),
		} {
			t.Run(config+", "+place, func(t *testing.T) {
				r.Header.Set("X-User", "a--"+testBoundary+"--")
				rec, w := serve(t, sign, withReplacer(r))
				if w.Code != http.StatusBadRequest || rec.called && rec.err == nil {
					t.Errorf("status %d, passed on %v: %q", w.Code, rec.called, rec.body)
				}
			})
		}
	}
}

// Where several projects may be meant, a value that none of them can have is refused before
// a byte leaves; one that only some cannot have, when the project is known to be one of them.
func TestForcedValuesThatNoProjectCanHave(t *testing.T) {
	project := func(key, policy string) string {
		return `{"public_key":"` + key + `","source":{"module":"secret_key","keys":["` + testSecret + `"]},"policy":` + policy + `}`
	}
	const byUser, group, constant = `{"metadata":{"user":"{http.request.header.X-User}"}}`, `{"endpoints":["group"]}`, `{"metadata":{"user":"anna"}}`
	for name, test := range map[string]struct {
		other, user string
		leaves      bool // before the project is known
	}{
		"a line end, all force it":             {byUser, "a\r\nb", false},
		"a long value, all force it":           {byUser, strings.Repeat("a", 513), false},
		"the delimiter, all force it":          {byUser, "a--" + testBoundary, false},
		"a line end, the other is forbidden":   {group, "a\r\nb", false},
		"the delimiter, the other's forbidden": {group, "a--" + testBoundary, false},
		"a line end, the other has its own":    {constant, "a\r\nb", true},
		"the delimiter, the other has none":    {`{"max_files":9}`, "a--" + testBoundary, true},
	} {
		sign := mustSign(t, `{"projects":[`+project("forcing", byUser)+","+project("other", test.other)+`]}`)
		for place, r := range map[string]*http.Request{
			"form":    uploadRequest(formOf(file("file", "a.jpg", "x"), field("UPLOADCARE_PUB_KEY", "forcing"))),
			"chunked": asChunked(uploadRequest(formOf(file("file", "a.jpg", "x"), field("UPLOADCARE_PUB_KEY", "forcing")))),
		} {
			t.Run(name+", "+place, func(t *testing.T) {
				r.Header["X-User"] = []string{test.user}
				rec, w := serve(t, sign, withReplacer(r))
				if w.Code != http.StatusBadRequest || rec.called != test.leaves || rec.called && rec.err == nil {
					t.Errorf("status %d, called %v, %v: %s", w.Code, rec.called, rec.err, w.Body)
				}
			})
		}
	}
}

func asChunked(r *http.Request) *http.Request {
	r.ContentLength = -1
	return r
}

// What only some projects force.
func TestForcedFieldsOfSeveralProjects(t *testing.T) {
	project := func(key, policy string) string {
		return `{"public_key":"` + key + `","source":{"module":"secret_key","keys":["` + testSecret + `"]},"policy":` + policy + `}`
	}
	sign := mustSign(t, `{"projects":[`+project("forcing", `{"metadata":{"user":"{http.request.header.X-User}"}}`)+`,`+
		project("other", `{"metadata":{"user":"somebody else, with a longer name"}}`)+`,`+project("free", `{"max_file_size":100}`)+`]}`)
	key := func(publicKey string) string { return field("UPLOADCARE_PUB_KEY", publicKey) }
	clients, upload := field("metadata[user]", "the client's"), file("file", "a.jpg", "x")
	for name, test := range map[string]struct {
		form string
		want []string // nil if refused
	}{
		"forced, the key before":  {formOf(key("forcing"), clients, upload), []string{"anna"}},
		"forced, the key behind":  {formOf(clients, upload, key("forcing")), nil},
		"forced, and none sent":   {formOf(upload, key("forcing")), []string{"anna"}},
		"the longest":             {formOf(upload, key("other")), []string{"somebody else, with a longer name"}},
		"not forced, key before":  {formOf(key("free"), clients, upload), []string{"the client's"}},
		"not forced, key behind":  {formOf(clients, upload, key("free")), []string{"the client's"}},
		"too large, key behind":   {formOf(file("file", "a.jpg", strings.Repeat("x", 101)), key("free")), nil},
		"large where that may be": {formOf(file("file", "a.jpg", strings.Repeat("x", 101)), key("forcing")), []string{"anna"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := uploadRequest(test.form)
			r.Header.Set("X-User", "anna")
			rec, w := serve(t, sign, withReplacer(r))
			if test.want == nil {
				if w.Code != http.StatusBadRequest || rec.err == nil {
					t.Errorf("status %d, %v: %s", w.Code, rec.err, w.Body)
				}
				return
			}
			if w.Code != http.StatusOK || rec.request.ContentLength != int64(len(rec.body)) {
				t.Fatalf("status %d, Content-Length %d, body of %d bytes: %s", w.Code, rec.request.ContentLength, len(rec.body), w.Body)
			}
			if got := rec.values(t, "metadata[user]"); !slices.Equal(got, test.want) {
				t.Errorf("metadata[user]: %q", got)
			}
		})
	}
}
