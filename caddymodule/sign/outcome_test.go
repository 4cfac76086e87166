// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// outcomesOf returns how often each outcome of a project's uploads was counted, without
// those that never were.
func outcomesOf(t *testing.T, publicKey string) map[string]int {
	t.Helper()
	counted := make(map[string]int)
	series := regexp.MustCompile(`(?m)^caddy_uploadcare_uploads_total\{endpoint="[^"]*",outcome="([^"]*)",project="` + publicKey + `",reason="([^"]*)"\} ([0-9.e+]+)$`)
	for _, match := range series.FindAllStringSubmatch(reported.Scrape(t), -1) {
		if count, err := strconv.ParseFloat(match[3], 64); err != nil {
			t.Fatal(err)
		} else if count > 0 {
			counted[strings.TrimSpace(match[1]+" "+match[2])] += int(count)
		}
	}
	return counted
}

// responding is an upstream that reads the body and responds.
func responding(status int, mediaType, body string) caddyhttp.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Body != nil {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return caddyhttp.Error(http.StatusBadGateway, err)
			}
		}
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, err := io.WriteString(w, body)
		return err
	}
}

// failingWith is a proxy whose upstream fails once the body was read.
func failingWith(status int, err error) caddyhttp.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) error {
		if _, readErr := io.Copy(io.Discard, r.Body); readErr != nil {
			return caddyhttp.Error(http.StatusBadGateway, readErr)
		}
		return caddyhttp.Error(status, err)
	}
}

// Invariant 12: every upload whose head was read ends in exactly one outcome.
func TestInvariant12AnUploadHasOneOutcome(t *testing.T) {
	const plain, asJSON = "text/plain; charset=utf-8", "application/json"
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	envelope := func(code string) string {
		return `{"error":{"status_code":400,"content":"...","error_code":"` + code + `"}}`
	}
	for i, test := range []struct {
		name string
		next caddyhttp.HandlerFunc
		want string
		left bool   // the client has gone before the end
		form string // of the client, if it is not a sound one; %s is the public key
	}{
		{"accepted", responding(200, asJSON, `{"file":"6c5e9526-b0fe-4739-8975-72e8d5ee6342"}`), "accepted", false, ""},
		{"accepted as JSONP", responding(200, "application/javascript", `cb({"id":"x"})`), "accepted", false, ""},
		{"a success without a body", responding(204, "", ""), "upstream_error protocol", false, ""},
		{"an empty 200", responding(200, asJSON, ""), "upstream_error protocol", false, ""},
		{"rejected in text", responding(400, plain, "File is too large."), "rejected FileSizeLimitExceededError", false, ""},
		{"rejected in JSON", responding(200, asJSON, envelope("FileInfectedError")), "rejected FileInfectedError", false, ""},
		{"rejected as JSONP", responding(200, "text/javascript", "cb("+envelope("GroupViewsError")+")"), "rejected other", false, ""},
		{"throttled", responding(429, plain, "Request was throttled."), "rejected RequestThrottledError", false, ""},
		{"a large page", responding(404, "text/html", strings.Repeat("not found ", 10_000)), "rejected other", false, ""},
		{"a new error", responding(200, asJSON, envelope("madeUpByTheUpstream")), "rejected other", false, ""},
		{"a redirect", responding(302, "", ""), "rejected other", false, ""},
		{"an internal error", responding(500, plain, "Internal error."), "upstream_error 5xx", false, ""},
		{"an internal error in JSON", responding(200, asJSON, envelope("UploadAPIError")), "upstream_error 5xx", false, ""},
		{"a bad gateway in front", responding(502, "text/html", "<h1>Bad Gateway</h1>"), "upstream_error 5xx", false, ""},
		{"no connection", failingWith(502, dial), "upstream_error dial", false, ""},
		{"no address", failingWith(502, &net.DNSError{Err: "no such host", Name: "upload.example.com"}), "upstream_error dial", false, ""},
		{"none is healthy", failingWith(503, errors.New("no upstreams available")), "upstream_error dial", false, ""},
		{"a certificate", failingWith(502, fmt.Errorf("remote: %w", &tls.CertificateVerificationError{Err: errors.New("expired")})), "upstream_error tls", false, ""},
		{"a timeout", failingWith(504, os.ErrDeadlineExceeded), "upstream_error timeout", false, ""},
		{"a reset", failingWith(502, &net.OpError{Op: "read", Err: syscall.ECONNRESET}), "upstream_error reset", false, ""},
		{"an end", failingWith(502, io.ErrUnexpectedEOF), "upstream_error reset", false, ""},
		{"no response", func(_ http.ResponseWriter, r *http.Request) error { _, err := io.Copy(io.Discard, r.Body); return err }, "upstream_error protocol", false, ""},
		{"another handler's error", failingWith(http.StatusForbidden, errors.New("not you")), "refused other", false, ""},
		{"the client has gone", failingWith(502, context.Canceled), "client_gone gone", true, ""},
		{"the proxy says that it has", func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(499); return nil }, "client_gone gone", true, ""},
		{"a server in front says so", responding(499, plain, ""), "rejected other", false, ""},
		{"a long error in JSON", responding(200, asJSON, envelope("FileInfectedError"+strings.Repeat("x", 8<<10))), "rejected other", false, ""},
		{"a long error in pieces", func(w http.ResponseWriter, r *http.Request) error {
			err := responding(200, asJSON, envelope("FileInfectedError")[:60])(w, r)
			for range 100 {
				_, err = io.WriteString(w, strings.Repeat("x", 100))
			}
			return err
		}, "rejected other", false, ""},
		{"no file's end", responding(200, asJSON, "{}"), "refused PostRequestParserFailedError", false, strings.TrimSuffix(formOf("%s", file("file", "a", "b")), "--\r\n")},
		{"a key twice", responding(200, asJSON, "{}"), "refused GatewayPublicKeyConflictError", false, formOf("%s", field("pub_key", "other"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			publicKey := fmt.Sprintf("outcome%d", i)
			sign := mustSign(t, mintingConfig(publicKey, ""))
			form := test.form
			if form == "" {
				form = formOf("%s", file("file", "a.jpg", "x"))
			}
			r := uploadRequest(strings.Replace(form, "%s", field("UPLOADCARE_PUB_KEY", publicKey), 1))
			if test.left {
				ctx, leave := context.WithCancel(r.Context())
				r = r.WithContext(ctx)
				next := test.next
				test.next = func(w http.ResponseWriter, r *http.Request) error {
					_, _ = io.Copy(io.Discard, r.Body)
					leave()
					return next(w, r)
				}
			}
			_ = sign.ServeHTTP(httptest.NewRecorder(), r, test.next)
			if got := outcomesOf(t, publicKey); len(got) != 1 || got[test.want] != 1 {
				t.Errorf("%v, want one %s", got, test.want)
			}
			if strings.Contains(reported.Scrape(t), "madeUpByTheUpstream") {
				t.Error("what an upstream sends is a label")
			}
		})
	}
}

// A response that breaks off ends the handler with a panic, as the proxy does it.
func TestInvariant12AnUploadWhoseResponseBreaksOffHasAnOutcome(t *testing.T) {
	sign := mustSign(t, mintingConfig("brokenoff", ""))
	func() {
		defer func() { _ = recover() }()
		_ = sign.ServeHTTP(httptest.NewRecorder(), uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "brokenoff"))), caddyhttp.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) error {
				_ = responding(200, "application/json", `{"file":`)(w, r)
				panic(http.ErrAbortHandler)
			}))
	}()
	if got := outcomesOf(t, "brokenoff"); len(got) != 1 || got["upstream_error reset"] != 1 {
		t.Errorf("%v", got)
	}
	reported.Want(t, map[string]float64{
		`caddy_uploadcare_uploads_in_flight{endpoint="/base/",project="brokenoff"}`:                   0,
		`caddy_uploadcare_upstream_responses_total{code="2xx",endpoint="/base/",project="brokenoff"}`: 1,
	})
}

// What is under way is counted for its project as soon as that is known.
func TestUploadsUnderWayAreCounted(t *testing.T) {
	sign := mustSign(t, mintingConfig("underway", ""))
	form := formOf(field("UPLOADCARE_PUB_KEY", "underway"), file("file", "a.jpg", "x"))
	serveBy(t, sign, uploadRequest(form), func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		reported.Want(t, map[string]float64{`caddy_uploadcare_uploads_in_flight{endpoint="/base/",project="underway"}`: 1})
		_, err := io.WriteString(w, "{}")
		return err
	})
	reported.Want(t, map[string]float64{
		`caddy_uploadcare_uploads_in_flight{endpoint="/base/",project="underway"}`:                                0,
		`caddy_uploadcare_received_bytes_total{endpoint="/base/",project="underway"}`:                             float64(len(form)),
		`caddy_uploadcare_upload_duration_seconds_count{endpoint="/base/",outcome="accepted",project="underway"}`: 1,
		`caddy_uploadcare_credential_remaining_seconds_count{project="underway"}`:                                 1,
		`caddy_uploadcare_upstream_responses_total{code="2xx",endpoint="/base/",project="underway"}`:              1,
	})
}
