// SPDX-License-Identifier: Apache-2.0

package redact_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
)

const secret = "a47e7f2fd2c4f56a1d5a1c1e7d0c3c0b5b4a39281706f5e4d3c2b1a09f8e7d6c"

func known(value string) *redact.Credential {
	c := new(redact.Credential)
	c.Set(value)
	return c
}

func TestHeaderIsRedacted(t *testing.T) {
	t.Parallel()
	shared := []string{"a", secret, "b " + secret + ", " + secret}
	header := http.Header{
		"Location":                             {"https://example.com/?signature=" + secret + "&expire=1", "/?s=" + secret},
		"X-" + http.CanonicalHeaderKey(secret): {"a"}, "broken " + secret: {"b"},
		"X-Shared": shared, "X-Other": {"nothing", strings.Repeat("x", 100)}, "X-Empty": nil,
	}
	known(secret).Header(header)
	want := http.Header{
		"Location": {"https://example.com/?signature=REDACTED&expire=1", "/?s=REDACTED"},
		"X-Shared": {"a", "REDACTED", "b REDACTED, REDACTED"}, "X-Other": {"nothing", strings.Repeat("x", 100)}, "X-Empty": nil,
	}
	if !reflect.DeepEqual(header, want) {
		t.Errorf("got %v", header)
	}
	if shared[1] != secret {
		t.Error("a slice that others may read was changed in place")
	}
}

// A header's name is written in another case than it came in, and lists others.
func TestLettersAreRedactedInEitherCase(t *testing.T) {
	t.Parallel()
	header := http.Header{"Trailer": {"X-A, " + http.CanonicalHeaderKey(secret), strings.ToUpper(secret) + ", İ" + secret}}
	known(secret).Header(header)
	if want := (http.Header{"Trailer": {"X-A, REDACTED", "REDACTED, İREDACTED"}}); !reflect.DeepEqual(header, want) {
		t.Errorf("got %v", header)
	}
}

// The mark ends in a letter that a signature may begin with.
func TestTheMarkCompletesNoCredential(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"d" + secret[1:], secret[:63] + "e"} {
		c := known(value)
		for _, text := range []string{value + value[1:], value[:63] + value, value[:63] + value + value[1:]} {
			if got := c.Text(text); strings.Contains(strings.ToLower(got), value) || !strings.Contains(got, redact.Mark) {
				t.Errorf("%q became %q", text, got)
			}
		}
	}
	for _, short := range []string{"e", "redacted", "RED"} {
		if got, want := known(short).Text("a "+short+"-"), "a REDACTED-"; got != want {
			t.Errorf("%q: got %q", short, got)
		}
	}
}

// An upload that is sent again may get a response that repeats the credential before.
func TestEarlierCredentialsAreRedacted(t *testing.T) {
	t.Parallel()
	const other = "b47e7f2fd2c4f56a1d5a1c1e7d0c3c0b5b4a39281706f5e4d3c2b1a09f8e7d6c"
	c := known(other)
	c.Before = known(secret)
	if got := c.Text(other + ", " + secret); got != "REDACTED, REDACTED" {
		t.Errorf("got %q", got)
	}
}

// What a client has sent itself may come back to it, but is not logged.
func TestClientsCredentialIsRedactedInLogsAlone(t *testing.T) {
	t.Parallel()
	c := known(secret)
	c.Clients = true
	header := http.Header{"Location": {"/?signature=" + secret}}
	c.Header(header)
	if got := header.Get("Location"); got != "/?signature="+secret {
		t.Errorf("got %q", got)
	}
	if got := c.Error(errors.New("malformed " + secret)); got.Error() != "malformed REDACTED" {
		t.Errorf("got %v", got)
	}
	r := &http.Request{RequestURI: "/?a=b&signature=" + secret}
	if c.Request(r); r.RequestURI != "/?a=b&signature=REDACTED" {
		t.Errorf("logged as %s", r.RequestURI)
	}
}

func TestNothingIsRedactedWithoutACredential(t *testing.T) {
	t.Parallel()
	empty := ""
	for name, c := range map[string]*redact.Credential{"nil": nil, "not set": new(redact.Credential), "empty": known(empty)} {
		header := http.Header{"X-A": {secret, ""}}
		err := errors.New(secret)
		c.Header(header)
		if header["X-A"][0] != secret || header["X-A"][1] != "" || c.Error(err) != err { //nolint:errorlint // itself
			t.Errorf("%s: got %v, %v", name, header, c.Error(err))
		}
	}
}

type timeout struct{ error }

func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestErrorIsRedactedAndStaysWhatItIs(t *testing.T) {
	t.Parallel()
	c := known(secret)
	if c.Error(nil) != nil {
		t.Error("no error became one")
	}
	plain := errors.New("connection refused")
	if c.Error(plain) != plain { //nolint:errorlint // itself
		t.Error("an error that quotes nothing became another")
	}
	got := c.Error(fmt.Errorf("malformed response %q: %w", secret, io.ErrUnexpectedEOF))
	if got.Error() != `malformed response "REDACTED": unexpected EOF` || !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", got)
	}
	for _, waits := range []bool{false, true} {
		err := errors.New("of " + secret)
		if waits {
			err = timeout{err}
		}
		if failed, ok := c.Error(err).(net.Error); !ok || failed.Timeout() != waits || failed.Temporary() != waits { //nolint:errorlint,staticcheck // as proxies do
			t.Errorf("timeout %v: got %v", waits, failed)
		}
	}
}

// failing is a body that quotes what it was sent.
type failing struct{}

func (failing) Read(p []byte) (int, error) {
	return copy(p, "{}"), errors.New("malformed trailer " + secret)
}
func (failing) Close() error { return nil }

func TestResponseIsRedacted(t *testing.T) {
	t.Parallel()
	c := known(secret)
	for name, response := range map[string]*http.Response{
		"chunked": {StatusCode: 200, ProtoMajor: 1, ContentLength: -1}, "HTTP/2": {StatusCode: 200, ProtoMajor: 2, ContentLength: 2},
	} {
		response.Header, response.Body, response.Status = http.Header{"X-A": {secret}}, failing{}, "200 "+secret
		got, err := c.Response(response, nil)
		if err != nil || got.Header.Get("X-A") != redact.Mark || got.Status != "200 REDACTED" {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if text, err := io.ReadAll(got.Body); string(text) != "{}" || err == nil || err.Error() != "malformed trailer REDACTED" {
			t.Errorf("%s: read %q, %v", name, text, err)
		}
	}
	if _, err := c.Response(nil, errors.New(secret)); err.Error() != redact.Mark {
		t.Errorf("got %v", err)
	}
	untouched := &http.Response{StatusCode: http.StatusSwitchingProtocols, ProtoMajor: 1, ContentLength: -1, Body: failing{}}
	if got, _ := c.Response(untouched, nil); got.Body != (failing{}) {
		t.Error("what may be a connection was wrapped")
	}
	if got, _ := (*redact.Credential)(nil).Response(untouched, nil); got != untouched {
		t.Error("a request without a credential got another response")
	}
}
