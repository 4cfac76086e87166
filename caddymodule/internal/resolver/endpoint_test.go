// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

var goodResponse = `{"secureSignature":"` + signature + `","secureExpire":"1900000000"}`

// roundTripper is a transport without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func responseOf(status int, body string, header ...string) *http.Response {
	response := &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(header); i += 2 {
		response.Header.Set(header[i], header[i+1])
	}
	return response
}

// newEndpoint returns one with secrets that no error may show.
func newEndpoint(t *testing.T, address string, transport http.RoundTripper) *resolver.Endpoint {
	t.Helper()
	parsed, err := resolver.ParseAddress(address, false)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User, parsed.RawQuery = url.UserPassword("canary", "canary"), "key=canary"
	return &resolver.Endpoint{
		URL: parsed, Header: http.Header{"X-Key": {"canary"}}, Transport: transport,
		Timeout: 5 * time.Second, Retries: 3,
	}
}

// isTimeout reports whether an error is that there was no response in time.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// checkShown checks that an error shows no secret.
func checkShown(t *testing.T, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "ca9a41e5")) {
		t.Errorf("the error shows a secret: %v", err)
	}
}

func serve(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *resolver.Endpoint) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return server, newEndpoint(t, server.URL+"/api/uploadcare-signature", transport)
}

func TestARequestSaysWhoAsksAndBringsNothingElse(t *testing.T) {
	asked := make(chan *http.Request, 1)
	server, endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Clone(r.Context())
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		fmt.Fprint(w, goodResponse)
	})
	endpoint.Header = http.Header{"x-key": {"a", "b"}, "Host": {"app.internal"}}
	for range 2 { // the second would bring the cookie
		if got, err := endpoint.Token(t.Context()); err != nil || got.Signature != signature || got.Expire != 1900000000 {
			t.Fatalf("got %s, %v", got, err)
		}
		r := <-asked
		user, password, _ := r.BasicAuth()
		switch {
		case r.Method != http.MethodGet, r.RequestURI != "/api/uploadcare-signature?key=canary", r.ContentLength != 0:
			t.Errorf("asked with %s %s and %d bytes", r.Method, r.RequestURI, r.ContentLength)
		case r.Host != "app.internal":
			t.Errorf("asked as %s", r.Host)
		case r.Header.Get("Accept") != "application/json", r.Header.Get("User-Agent") != "caddy-uploadcare":
			t.Errorf("header %v", r.Header)
		case strings.Join(r.Header.Values("X-Key"), ",") != "a,b", r.Header.Get("Cookie") != "", r.Header.Get("Referer") != "":
			t.Errorf("header %v", r.Header)
		case user != "canary" || password != "canary":
			t.Errorf("user %s", user)
		}
	}
	endpoint.URL.User = nil
	endpoint.Header = http.Header{"Authorization": {"Bearer app"}, "User-Agent": {"another"}}
	if _, err := endpoint.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := <-asked; r.Header.Get("Authorization") != "Bearer app" || r.UserAgent() != "another" || r.Host != strings.TrimPrefix(server.URL, "http://") {
		t.Errorf("as %s with %v", r.Host, r.Header)
	}
}

func TestOnlyWhatMayPassIsAskedAgain(t *testing.T) {
	respond := func(status int, body string) roundTripper {
		return func(*http.Request) (*http.Response, error) { return responseOf(status, body), nil }
	}
	fail := func(err error) roundTripper {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	const once, often = 1, 4
	const failure, refused, unreachable, timeout = "failure", "refused", "unreachable", "timeout"
	classOf := func(err error) string {
		switch {
		case errors.Is(err, token.ErrRefused):
			return refused
		case errors.Is(err, token.ErrUnreachable):
			return unreachable
		case isTimeout(err):
			return timeout
		}
		return failure
	}
	tests := map[string]struct {
		transport roundTripper
		calls     int
		class     string
		want      string // empty: a credential
	}{
		"200":              {respond(200, goodResponse), once, failure, ""},
		"201":              {respond(201, goodResponse), once, failure, ""},
		"204":              {respond(204, ""), once, refused, "204 No Content"},
		"null":             {respond(200, "null"), once, refused, "the response is empty"},
		"401":              {respond(401, "canary"), once, refused, "401 Unauthorized"},
		"403":              {respond(403, "canary"), once, refused, "403 Forbidden"},
		"304":              {respond(304, ""), once, failure, "304 Not Modified"},
		"400":              {respond(400, "canary"), once, failure, "400 Bad Request"},
		"404":              {respond(404, "canary"), once, failure, "404 Not Found"},
		"408":              {respond(408, ""), often, failure, "408 Request Timeout"},
		"429":              {respond(429, ""), often, failure, "429 Too Many Requests"},
		"500":              {respond(500, "canary"), often, failure, "500 Internal Server Error"},
		"503":              {respond(503, goodResponse), often, failure, "503 Service Unavailable"},
		"599":              {respond(599, ""), often, failure, "599"},
		"699":              {respond(699, ""), once, failure, "699"},
		"a page":           {respond(200, "<p>canary"), once, failure, "not a JSON object"},
		"an MD5 signature": {respond(200, `{"signature":"`+signature[:32]+`","expire":1900000000}`), once, failure, "MD5"},
		"a large response": {respond(200, goodResponse+strings.Repeat(" ", 16<<10)), once, failure, "larger than 16384 bytes"},
		"no connection":    {fail(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}), often, unreachable, "dial tcp: connection refused"},
		"a marked one":     {fail(fmt.Errorf("canary: %w", &resolver.DialError{Err: errors.New("no such host")})), often, unreachable, "no such host"},
		"a short response": {fail(io.ErrUnexpectedEOF), often, failure, "the connection ended"},
		"a reset":          {fail(&net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}), often, failure, "connection reset by peer"},
		"a read timeout":   {fail(&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}), often, timeout, "i/o timeout"},
		"no certificate":   {fail(&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}), often, unreachable, "certificate required"},
		"no HTTP":          {fail(errors.New("malformed HTTP response \"canary\"")), often, failure, "not HTTP"},
		"an address":       {fail(&url.Error{Op: "Get", URL: "http://canary@proxy", Err: errors.New("canary")}), often, failure, "not HTTP"},
		"no TLS":           {fail(tls.RecordHeaderError{Msg: "canary"}), once, unreachable, "does not speak TLS"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				endpoint := newEndpoint(t, "https://app.example.com/", roundTripper(func(r *http.Request) (*http.Response, error) {
					calls++
					return test.transport(r)
				}))
				got, err := endpoint.Token(t.Context())
				checkShown(t, err)
				if calls != test.calls {
					t.Errorf("it was asked %d times, not %d", calls, test.calls)
				}
				if test.want == "" {
					if err != nil || got.Signature != signature {
						t.Errorf("got %s, %v", got, err)
					}
					return
				}
				if err == nil || !strings.HasPrefix(err.Error(), "https://app.example.com: ") || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %s", err, test.want)
				}
				if classOf(err) != test.class {
					t.Errorf("%v is of class %s, not %s", err, classOf(err), test.class)
				}
			})
		})
	}
}

func TestPausesGrowAndHaveBounds(t *testing.T) {
	pausesOf := func(t *testing.T, header ...string) (pauses []time.Duration, err error) {
		t.Helper()
		endpoint := newEndpoint(t, "https://app.example.com/", roundTripper(func(*http.Request) (*http.Response, error) {
			return responseOf(503, "", header...), nil
		}))
		endpoint.Retries, endpoint.Timeout = 8, time.Minute
		begin, sum := time.Now(), time.Duration(0)
		endpoint.Retrying = func(cause error, pause time.Duration) {
			if cause == nil || time.Since(begin) != sum {
				t.Errorf("after %s, not %s: %v", time.Since(begin), sum, cause)
			}
			pauses, sum = append(pauses, pause), sum+pause
		}
		_, err = endpoint.Token(t.Context())
		if err == nil || time.Since(begin) != sum {
			t.Errorf("%d pauses took %s, not %s: %v", len(pauses), time.Since(begin), sum, err)
		}
		return pauses, err
	}
	synctest.Test(t, func(t *testing.T) {
		pauses, _ := pausesOf(t)
		base := 100 * time.Millisecond
		for i, pause := range pauses {
			if pause < base/2 || pause > min(base*3/2, 2*time.Second)+time.Nanosecond {
				t.Errorf("pause %d is %s", i, pause)
			}
			base = min(2*base, 2*time.Second)
		}
		for header, test := range map[string]struct {
			pauses int
			least  time.Duration
			after  time.Duration // before the next call
		}{
			"1":                             {8, time.Second, time.Second},
			"20":                            {2, 20 * time.Second, 20 * time.Second},
			"3600":                          {0, 0, time.Hour},
			"99999999999999":                {8, 50 * time.Millisecond, 0},
			"-5":                            {8, 50 * time.Millisecond, 0},
			"Fri, 31 Dec 2100 23:59:59 GMT": {8, 50 * time.Millisecond, 0},
		} {
			pauses, err := pausesOf(t, "Retry-After", header)
			var later interface{ RetryAfter() time.Duration }
			if len(pauses) != test.pauses || test.pauses > 0 && pauses[0] < test.least || !errors.As(err, &later) || later.RetryAfter() != test.after {
				t.Errorf("Retry-After: %s makes pauses of %s, then %v", header, pauses, err)
			}
		}
	})
}

// The timeout bounds all attempts and the pauses between them together.
func TestTheTimeoutIsOverAllAttempts(t *testing.T) {
	for name, transport := range map[string]roundTripper{
		"hanging": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"slow to fail": func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(1700 * time.Millisecond):
				return responseOf(503, ""), nil
			}
		},
		"failing at once": func(*http.Request) (*http.Response, error) { return responseOf(503, ""), nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			endpoint := newEndpoint(t, "https://app.example.com/", transport)
			endpoint.Retries = 10
			begin := time.Now()
			if _, err := endpoint.Token(t.Context()); err == nil || time.Since(begin) > 5*time.Second {
				t.Errorf("%s: %v after %s", name, err, time.Since(begin))
			}
			time.Sleep(time.Minute)
		})
	}
}

func TestARetryMaySucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, reported := 0, 0
		endpoint := newEndpoint(t, "https://app.example.com/", roundTripper(func(*http.Request) (*http.Response, error) {
			switch calls++; calls {
			case 1:
				return nil, io.ErrUnexpectedEOF
			case 2:
				return responseOf(502, ""), nil
			default:
				return responseOf(200, goodResponse), nil
			}
		}))
		endpoint.Retrying = func(cause error, _ time.Duration) {
			reported++
			checkShown(t, cause)
		}
		if got, err := endpoint.Token(t.Context()); err != nil || got.Signature != signature || calls != 3 || reported != 2 {
			t.Errorf("got %s, %v after %d calls, of which %d were reported", got, err, calls, reported)
		}
	})
}

func TestAnAttemptEndsWithTheTimeThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endpoint := newEndpoint(t, "https://app.example.com/", roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		endpoint.Retries = 0
		begin := time.Now()
		_, err := endpoint.Token(t.Context())
		if !isTimeout(err) || errors.Is(err, token.ErrUnreachable) || !strings.Contains(err.Error(), "no response within 5s") || time.Since(begin) != 5*time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		// One that begins to respond can be reached.
		endpoint.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			reader, writer := io.Pipe()
			context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
			go func() { _, _ = writer.Write([]byte(goodResponse[:30])) }()
			return &http.Response{StatusCode: 200, Body: reader}, nil
		})
		_, err = endpoint.Token(t.Context())
		if !isTimeout(err) || errors.Is(err, token.ErrUnreachable) || !strings.Contains(err.Error(), "not complete within 5s") {
			t.Errorf("half of a response: %v", err)
		}
		checkShown(t, err)
	})
}

func TestAskingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, transport := range map[string]roundTripper{
			"during an attempt": func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			},
			"during a pause": func(*http.Request) (*http.Response, error) { return responseOf(503, "", "Retry-After", "2"), nil },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begin := time.Now()
			if _, err := newEndpoint(t, "https://app.example.com/", transport).Token(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, token.ErrUnreachable) {
				t.Errorf("%s: %v", name, err)
			}
			if time.Since(begin) != time.Second {
				t.Errorf("%s: it went on for %s", name, time.Since(begin))
			}
			cancel()
		}
	})
}
