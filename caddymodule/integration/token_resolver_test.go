// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// sandboxSecret is the secret key of the sandbox's project.
const sandboxSecret = "demosecretkey"

// zeroSignature is a signature that the service never takes.
var zeroSignature = strings.Repeat("0", 64)

// backEnd is the application's own endpoint that hands out signatures.
type backEnd struct {
	url     string
	calls   atomic.Int64
	mu      sync.Mutex
	handler http.HandlerFunc
}

func startBackEnd(t *testing.T, handler http.HandlerFunc) *backEnd {
	t.Helper()
	b := &backEnd{handler: handler}
	b.url = startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		b.calls.Add(1)
		b.mu.Lock()
		handler := b.handler
		b.mu.Unlock()
		handler(w, r)
	}).URL + "/api/uploadcare-signature"
	return b
}

// respond changes what the back end responds with.
func (b *backEnd) respond(handler http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handler = handler
}

// signs responds as the documents' sample does: with a pair that expires after
// the lifetime.
func signs(lifetime time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fresh := token.Mint(sandboxSecret, time.Now(), lifetime)
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%d"}`, fresh.Signature, fresh.Expire)
	}
}

// says responds with a status and a text.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// documents is the sandbox behind a gateway whose project has the options.
type documents struct {
	demo
	caddy *caddyProcess
}

func (d documents) config(options string) string {
	return gatewayFrom(d.plain, "http://"+d.sandbox, options)
}

// newDocuments starts the sandbox, in a Caddy of its own: a reload of the gateway's would
// close idle connections of the sandbox while the gateway uses them.
func newDocuments(t *testing.T) documents {
	t.Helper()
	d := documents{demo: newDemo(t)}
	startCaddy(t, sandboxAt(d.sandbox))
	return d
}

func startDocuments(t *testing.T, options string, environment ...string) documents {
	t.Helper()
	d := newDocuments(t)
	d.caddy = startCaddy(t, d.config(options), environment...)
	return d
}

// upload sends an upload like the documents' curl line, without the pair.
func (d documents) upload(t *testing.T, header ...string) *http.Response {
	t.Helper()
	request := newUpload(t, "http://"+d.plain+"/base/", strings.NewReader(formOf(key, file("file", photo))))
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return do(t, http.DefaultClient, request)
}

func (d documents) accepts(t *testing.T) {
	t.Helper()
	checkStored(t, d.demo, d.upload(t), "file", photo)
}

// refuses checks that an upload is not accepted, and what the response is.
func (d documents) refuses(t *testing.T, status int, code string) *http.Response {
	t.Helper()
	response := d.upload(t)
	if body := readAll(t, response); response.StatusCode != status {
		t.Errorf("response %d %s, not %d", response.StatusCode, body, status)
	}
	enveloped := do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/?jsonerrors=1", strings.NewReader(formOf(key, file("file", photo)))))
	var envelope struct {
		Error struct {
			Status int    `json:"status_code"`
			Code   string `json:"error_code"`
		}
	}
	if err := json.Unmarshal([]byte(readAll(t, enveloped)), &envelope); err != nil || envelope.Error.Status != status || envelope.Error.Code != code {
		t.Errorf("with jsonerrors: %v, %+v, not %d %s", err, envelope, status, code)
	}
	return response
}

// The documents' configuration 2: a function that fetches the pair, in each of
// their shapes. It is called once for all uploads, also over a reload.
func TestDocumentsResolverFunction(t *testing.T) {
	for name, shape := range map[string]string{
		"secure names":          `{"secureSignature":"%s","secureExpire":"%d"}`,
		"short names":           `{"signature":"%s","expire":"%d"}`,
		"a number":              `{"signature":"%s","expire":%d,"user":{"token":"no"}}`,
		"a number, secure name": `{"secureSignature":"%s","secureExpire":%d}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackEnd(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.Header.Get("Accept") != "application/json" || r.Header.Get("Cookie") != "" {
					t.Errorf("asked by %s with %v", r.Method, r.Header)
				}
				fresh := token.Mint(sandboxSecret, time.Now(), time.Hour)
				fmt.Fprintf(w, shape, fresh.Signature, fresh.Expire)
			})
			d := startDocuments(t, "resolver "+b.url)
			var uploads sync.WaitGroup
			for range 20 { // at once
				uploads.Go(func() { d.accepts(t) })
			}
			uploads.Wait()
			d.caddy.reload(d.config("resolver " + b.url + " {\n timeout 4s\n }"))
			d.accepts(t)
			if calls := b.calls.Load(); calls != 1 {
				t.Errorf("the resolver was called %d times", calls)
			}
		})
	}
}

// The threshold: a token is renewed before it expires, and one that does not
// live as long as that is no call per upload.
func TestDocumentsExpirationThreshold(t *testing.T) {
	b := startBackEnd(t, signs(4*time.Second))
	d := startDocuments(t, "resolver "+b.url+"\nthreshold 2s")
	begin := time.Now()
	eventually(t, "a token that is in use is renewed twice", func() bool {
		d.accepts(t)
		return b.calls.Load() >= 3
	})
	if took := time.Since(begin); took < 2*time.Second {
		t.Errorf("two tokens of four seconds were used up in %s", took)
	}

	b = startBackEnd(t, signs(10*time.Minute))
	d = startDocuments(t, "resolver "+b.url) // whose threshold is 10m
	for range 10 {
		d.accepts(t)
	}
	if calls := b.calls.Load(); calls != 1 {
		t.Errorf("tokens as short as the threshold took %d calls for ten uploads", calls)
	}
}

// isSecureTokenExpired: a token is expired when the second of its expiry has
// begun. Such a one is never used, not even when there is no other.
func TestDocumentsIsSecureTokenExpired(t *testing.T) {
	b := startBackEnd(t, signs(0))
	d := startDocuments(t, "resolver "+b.url+" {\n retries 0\n }\nthreshold 0s")
	if response := d.refuses(t, 503, "GatewayCredentialError"); response.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	b.respond(signs(3 * time.Second))
	eventually(t, "the resolver is asked again", func() bool {
		response := d.upload(t)
		_ = readAll(t, response)
		return response.StatusCode == http.StatusOK
	})
	b.respond(says(500, "down"))
	eventually(t, "the last token has expired", func() bool {
		began := time.Now()
		response := d.upload(t)
		body := readAll(t, response)
		// The sandbox knows an expired one, unless it expired on the way.
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable && time.Since(began) < time.Second {
			t.Fatalf("response %d %s", response.StatusCode, body)
		}
		return response.StatusCode == http.StatusServiceUnavailable
	})
}

// The back end of the documents is one of the gateway's own directives.
func TestDocumentsBackendEndpoint(t *testing.T) {
	backend := freeAddress(t)
	d := newDocuments(t)
	d.caddy = startCaddy(t, d.config("resolver http://"+backend+"/api/uploadcare-signature")+`
http://`+backend+` {
	bind 127.0.0.1
	uploadcare_signature /api/uploadcare-signature {
		project demopublickey
		secret_key `+sandboxSecret+`
	}
}
`)
	d.accepts(t)
}

// Debugging output: when a credential was resolved, until when it is good, and
// what went wrong; and none of the secrets (invariant 8).
func TestInvariant8DocumentsDebuggingOutput(t *testing.T) {
	var fresh token.Token
	calls := 0
	b := startBackEnd(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer canary-of-the-app" || r.URL.RawQuery != "key=canary-of-the-query" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		if calls++; calls == 1 {
			says(500, "canary-of-the-response")(w, r)
			return
		}
		fresh = token.Mint(sandboxSecret, time.Now(), time.Hour)
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%d"}`, fresh.Signature, fresh.Expire)
	})
	d := startDocuments(t, "resolver "+b.url+"?key={env.CANARY_QUERY} {\n header Authorization \"Bearer {env.CANARY_APP}\"\n }",
		"CANARY_QUERY=canary-of-the-query", "CANARY_APP=canary-of-the-app")
	d.accepts(t)
	output := d.caddy.output.String()
	origin := strings.TrimSuffix(b.url, "/api/uploadcare-signature")
	for _, line := range []string{
		`"msg":"the resolver failed and is asked again"`, origin + ": it responded with 500 Internal Server Error",
		`"msg":"credential obtained"`, `"expire":` + strconv.FormatInt(fresh.Expire, 10), time.Unix(fresh.Expire, 0).UTC().Format(time.RFC3339),
	} {
		if !strings.Contains(output, line) {
			t.Errorf("the log does not say %s", line)
		}
	}
	for where, shown := range map[string]string{"output": output, "config": d.caddy.get("/config/"), "metrics": d.caddy.get("/metrics")} {
		for _, secret := range []string{"canary-of", fresh.Signature} {
			if strings.Contains(shown, secret) {
				t.Errorf("%s is in the %s", secret, where)
			}
		}
	}
}

// Error handling: what may pass is tried again, and no upload knows of it. What
// does not pass gets its response at once.
func TestDocumentsErrorHandlingWithRetries(t *testing.T) {
	b := startBackEnd(t, nil)
	attempts := 0
	b.respond(func(w http.ResponseWriter, r *http.Request) {
		switch attempts++; attempts {
		case 1:
			says(503, "down")(w, r)
		case 2: // hangs up
			panic(http.ErrAbortHandler)
		case 3:
			says(429, "busy")(w, r)
		default:
			signs(time.Hour)(w, r)
		}
	})
	startDocuments(t, "resolver "+b.url).accepts(t)
	if calls := b.calls.Load(); calls != 4 {
		t.Errorf("the resolver was called %d times, not once and three times again", calls)
	}

	for name, test := range map[string]struct {
		handler http.HandlerFunc
		calls   int64
	}{
		"down":                {says(500, "down"), 3},
		"an invalid response": {says(200, `{"secureSignature":"canary","secureExpire":"soon"}`), 1},
		"a page":              {says(200, "<!doctype html>"), 1},
		"not found":           {says(404, "not found"), 1},
		"a redirect away":     {http.RedirectHandler("http://localhost:1/login", http.StatusFound).ServeHTTP, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackEnd(t, test.handler)
			d := startDocuments(t, "resolver "+b.url+" {\n retries 2\n }")
			// The second of the two uploads gets its response without asking.
			response := d.refuses(t, 503, "GatewayCredentialError")
			if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
			}
			if calls := b.calls.Load(); calls != test.calls {
				t.Errorf("the resolver was called %d times, not %d", calls, test.calls)
			}
			b.respond(signs(time.Hour))
			eventually(t, "uploads are accepted again", func() bool {
				response := d.upload(t)
				_ = readAll(t, response)
				return response.StatusCode == http.StatusOK
			})
		})
	}
}

// Refused: nothing from the resolver means that nothing is uploaded.
func TestDocumentsRefused(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"401": says(401, ""), "403": says(403, "no"), "204": says(204, ""), "null": says(200, "null"), "an empty object": says(200, "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackEnd(t, handler)
			d := startDocuments(t, "resolver "+b.url)
			if response := d.refuses(t, 403, "GatewayCredentialRefusedError"); response.Header.Get("Retry-After") != "" {
				t.Errorf("Retry-After: %s", response.Header.Get("Retry-After"))
			}
			if calls := b.calls.Load(); calls != 2 { // each upload asks: the next may be allowed
				t.Errorf("the resolver was called %d times for two uploads", calls)
			}
			b.respond(signs(time.Hour))
			d.accepts(t)
		})
	}
}

// A back end may hand out tokens of the new scheme.
func TestAResolverOfTokens(t *testing.T) {
	b := startBackEnd(t, func(w http.ResponseWriter, _ *http.Request) {
		fresh, err := token.MintAccessToken(sandboxSecret, time.Now(), time.Hour, []string{"/base/"}, 0)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"token":"%s"}`, fresh.AccessToken)
	})
	d := startDocuments(t, "scheme token\nresolver "+b.url)
	for range 3 {
		d.accepts(t)
	}
	if calls := b.calls.Load(); calls != 1 {
		t.Errorf("the resolver was called %d times", calls)
	}
	if strings.Contains(d.caddy.output.String(), jwtHead) {
		t.Error("a token is in the log")
	}
}

// arrival is what reached the upstream of an upload.
type arrival struct {
	header http.Header
	pair   token.Token
}

// startWitness starts an upstream that takes note of what it passes on to the
// sandbox.
func startWitness(t *testing.T, sandbox string) (address string, arrivals chan arrival) {
	t.Helper()
	arrivals = make(chan arrival, 10) // of uploads that no test has asked for yet
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: sandbox})
	return startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // an upload that the gateway gave up
		}
		form, err := multipart.NewReader(bytes.NewReader(body), boundary).ReadForm(1 << 20)
		if err != nil {
			t.Error(err)
			return
		}
		expire, _ := strconv.ParseInt(form.Value["expire"][0], 10, 64)
		arrivals <- arrival{r.Header.Clone(), token.Token{Signature: form.Value["signature"][0], Expire: expire}}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}).URL, arrivals
}

// Each caller has tokens of its own: the resolver learns who uploads, by header
// and cookie, which the upstream never sees.
func TestOneCallersTokenNeverSignsAnothersUpload(t *testing.T) {
	lifetimes := map[string]time.Duration{"ann": time.Hour, "bob": 2 * time.Hour}
	b := startBackEnd(t, func(w http.ResponseWriter, r *http.Request) {
		user, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer canary-")
		lifetime, known := lifetimes[user]
		session, err := r.Cookie("session")
		if !known || err != nil || session.Value != "canary-of-"+user {
			says(403, "who is it?")(w, r)
			return
		}
		signs(lifetime)(w, r)
	})
	d := newDocuments(t)
	witness, arrivals := startWitness(t, d.sandbox)
	d.caddy = startCaddy(t, gatewayFrom(d.plain, witness, "resolver "+b.url+" {\n header Authorization {header.Authorization}\n header Cookie session={cookie.session}\n }"))
	upload := func(user string) *http.Response {
		return d.upload(t, "Authorization", "Bearer canary-"+user, "Cookie", "other=1; session=canary-of-"+user)
	}
	pairs := make(map[string]token.Token)
	for _, user := range []string{"ann", "bob", "ann", "bob"} {
		checkStored(t, d.demo, upload(user), "file", photo)
		got := receive(t, "the upload arrives", arrivals)
		if left := time.Until(time.Unix(got.pair.Expire, 0)); left > lifetimes[user] || left < lifetimes[user]-time.Minute {
			t.Errorf("%s's upload has a token for %s", user, left)
		}
		if before, again := pairs[user]; again && before != got.pair {
			t.Errorf("%s's token was not kept", user)
		}
		pairs[user] = got.pair
		if len(got.header["Authorization"])+len(got.header["Cookie"]) > 0 || strings.Contains(fmt.Sprint(got.header), "canary") {
			t.Errorf("the upstream sees %v", got.header)
		}
	}
	if calls := b.calls.Load(); calls != 2 {
		t.Errorf("the resolver was called %d times for two callers", calls)
	}
	response := upload("mallory")
	if body := readAll(t, response); response.StatusCode != http.StatusForbidden {
		t.Errorf("mallory: response %d %s", response.StatusCode, body)
	}
	d.refuses(t, 403, "GatewayCredentialRefusedError") // who does not say who it is
	if len(arrivals) > 0 {
		t.Error("a refused upload arrived")
	}
	if strings.Contains(d.caddy.output.String(), "canary") {
		t.Error("what a caller is known by is in the log")
	}
}
