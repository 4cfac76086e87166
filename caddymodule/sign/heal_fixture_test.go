// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	goodSecret  = fixture.Secret
	otherSecret = "canary-of-another-key" //nolint:gosec // a test's own
)

// newScripted returns a handler for a project whose source is scripted.
func newScripted(t *testing.T, publicKey string, next func(call int, now time.Time) (token.Token, error)) (*Sign, *fixture.Source, *observer.ObservedLogs) {
	t.Helper()
	sign := mustSign(t, `{"projects":[{"public_key":"`+publicKey+`","source":{"module":"scripted_in_test"}}]}`)
	source := fixture.Loaded("")
	source.Script(next)
	return sign, source, observeAll(sign)
}

// firstBad yields one credential of another project, and good ones after it.
func firstBad(call int, now time.Time) (token.Token, error) {
	if call == 1 {
		return token.Mint(otherSecret, now, time.Hour), nil
	}
	return token.Mint(goodSecret, now, time.Hour), nil
}

// observeAll makes the handler and its projects log to where a test can see it.
func observeAll(sign *Sign) *observer.ObservedLogs { return fixture.Observe(sign) }

// operatorLog returns what the operator is told: all but what is for debugging,
// with the fields that say why.
func operatorLog(logs *observer.ObservedLogs) []string {
	var lines []string
	for _, entry := range logs.All() {
		if entry.Level == zapcore.DebugLevel {
			continue
		}
		line := entry.Message
		for _, name := range []string{"rejection", "secret_key", "client_public_key"} {
			if value, ok := entry.ContextMap()[name]; ok {
				line += fmt.Sprintf(", %s %v", name, value)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// service is a next handler that judges credentials as the Upload API does.
type service struct {
	t      *testing.T
	secret string
	ahead  time.Duration // its clock, of this machine's
	secure bool          // it is reached over TLS
	noDate bool
	header http.Header // of its answers
	takes  time.Duration
	// foreign is in forms that are for another project, however it comes that
	// they were signed for this one.
	foreign string

	mu       sync.Mutex
	arrivals []arrival
}

// arrival is what has come to the service.
type arrival struct {
	query, body string
	header      http.Header
	length      int64
	refusal     *uploadapi.Error
}

func (s *service) now() time.Time { return time.Now().Add(s.ahead) }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		info := httptrace.GotConnInfo{}
		if s.secure {
			info.Conn = tls.Client(nil, nil)
		}
		trace.GotConn(info)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return caddyhttp.Error(http.StatusBadGateway, err)
		}
	}
	if r.ContentLength >= 0 && r.ContentLength != int64(len(body)) {
		s.t.Errorf("%d bytes were promised, and %d came", r.ContentLength, len(body))
	}
	time.Sleep(s.takes)
	refusal := s.judge(r, body)
	s.mu.Lock()
	s.arrivals = append(s.arrivals, arrival{r.URL.RawQuery, string(body), r.Header.Clone(), r.ContentLength, refusal})
	attempt := len(s.arrivals)
	s.mu.Unlock()
	if !s.noDate {
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	maps.Copy(w.Header(), s.header)
	w.Header().Add("Via", "service") // as the proxy does
	w.Header().Set("X-Answer-"+strconv.Itoa(attempt), "true")
	if refusal != nil {
		refusal.Write(w, r)
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"file":"bba1e8bc-3c69-4b3d-a9f6-f2ea4ee4ab45"}`)
	return nil
}

func (s *service) judge(r *http.Request, body []byte) *uploadapi.Error {
	s.mu.Lock()
	secret := s.secret
	s.mu.Unlock()
	isForeign := s.foreign != "" && bytes.Contains(body, []byte(s.foreign))
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		_, err := token.VerifyAccessToken(secret, bearer, s.now())
		switch {
		case isForeign:
			return uploadapi.AccessTokenInvalid(token.ErrSignatureMismatch.Error())
		case err == nil:
			return nil
		case errors.Is(err, token.ErrAccessTokenExpired):
			return uploadapi.ErrAccessTokenExpired
		default:
			return uploadapi.AccessTokenInvalid(err.Error())
		}
	}
	values := r.URL.Query()
	switch contentType := r.Header.Get("Content-Type"); {
	case strings.HasPrefix(contentType, "multipart/"):
		for _, field := range parseForm(s.t, body) {
			values.Add(field.name, field.value)
		}
	default:
		inBody, _ := url.ParseQuery(string(body))
		for name, all := range inBody {
			values[name] = append(values[name], all...)
		}
	}
	if len(values["signature"]) != 1 || len(values["expire"]) != 1 {
		s.t.Errorf("%d signatures and %d expiries", len(values["signature"]), len(values["expire"]))
		return uploadapi.ErrSignatureRequired
	}
	expire := values.Get("expire")
	seconds, _ := strconv.ParseInt(expire, 10, 64)
	switch {
	case seconds < s.now().Unix():
		return uploadapi.ErrSignatureExpired
	case isForeign, token.Sign(secret, expire) != values.Get("signature"):
		return uploadapi.ErrSignatureInvalid
	}
	return nil
}

// verdicts returns what the service said, one after the other.
func (s *service) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var said []string
	for _, arrival := range s.arrivals {
		if arrival.refusal == nil {
			said = append(said, "accepted")
		} else {
			said = append(said, arrival.refusal.Message)
		}
	}
	return said
}

// send gives a handler a request as Caddy does.
func (s *service) send(sign *Sign, r *http.Request) *httptest.ResponseRecorder {
	s.t.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("Server", "Caddy")
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &caddyhttp.Server{})
	if err := sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(s.ServeHTTP)); err != nil {
		s.t.Errorf("ServeHTTP: %v", err)
	}
	return w
}

// upload sends a small form, and returns what the client is told.
func (s *service) upload(sign *Sign) string {
	s.t.Helper()
	w := s.send(sign, uploadRequest(formOf(demoKey, file("file", "cat.jpg", "meow"))))
	if w.Code == http.StatusOK {
		return "accepted"
	}
	return w.Body.String()
}

// wantBurstAccepted sends many small forms at once.
func (s *service) wantBurstAccepted(sign *Sign) {
	s.t.Helper()
	var uploads sync.WaitGroup
	for range 200 {
		uploads.Go(func() {
			if got := s.upload(sign); got != "accepted" {
				s.t.Errorf("answer %s", got)
			}
		})
	}
	uploads.Wait()
}

// wantSurvivesReload checks that what one upload's rejection has taught is known after
// a reload, and a while later: the next upload is accepted at once, and nothing is told.
func (s *service) wantSurvivesReload(config string, later time.Duration, rejection string) {
	s.t.Helper()
	s.upload(mustSign(s.t, config))
	after := mustSign(s.t, config)
	logs := observeAll(after)
	time.Sleep(later)
	s.upload(after)
	wantSaid(s.t, "the service said", s.said(), rejection, "accepted", "accepted")
	wantSaid(s.t, "the operator is told", operatorLog(logs))
}

func wantSaid(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// formOfSize returns a form of so many bytes.
func formOfSize(t *testing.T, size int) string {
	t.Helper()
	form := formOf(demoKey, file("file", "cat.jpg", ""))
	form = formOf(demoKey, file("file", "cat.jpg", string(bytes.Repeat([]byte("\r\n-x"), size)[:size-len(form)])))
	if len(form) != size {
		t.Fatalf("the form has %d bytes, not %d", len(form), size)
	}
	return form
}
