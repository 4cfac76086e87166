// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Invariant 8: an upstream that remembers the credential that it has rejected does
// not show it with its response to the next one.
func TestInvariant8AnEarlierCredentialDoesNotComeBack(t *testing.T) {
	sign, _, logs := newScripted(t, "demopublickey", firstBad)
	upstream := &service{t: t, secret: goodSecret}
	var sent []string
	r := paramsRequest("GET", "/from_url/?pub_key=demopublickey&source_url=x", "", "")
	w := serveBy(t, sign, r, func(w http.ResponseWriter, r *http.Request) error {
		sent = append(sent, r.URL.Query().Get("signature"))
		w.Header().Set("X-Sent", strings.Join(sent, " and "))
		return upstream.ServeHTTP(w, r)
	})
	if len(sent) != 2 || w.Header().Get("X-Sent") != "REDACTED and REDACTED" {
		t.Errorf("after %d attempts: %v", len(sent), w.Header())
	}
	for _, entry := range logs.All() {
		if line := entry.Message; strings.Contains(line, sent[0]) {
			t.Errorf("logged: %s", line)
		}
	}
}

// Invariant 8: what a handler that follows says of a credential is not shown, and stays
// the error that it is: error routes go by its status.
func TestInvariant8ErrorsOfOtherHandlersShowNoCredential(t *testing.T) {
	sign := mustSign(t, onlyProject)
	signature := regexp.MustCompile(`[0-9a-f]{64}`)
	for name, wrap := range map[string]func(error) error{
		"a handler's error":      func(err error) error { return caddyhttp.Error(http.StatusTeapot, err) },
		"one that wraps another": func(err error) error { return errors.Join(caddyhttp.Error(http.StatusTeapot, err)) },
	} {
		r := paramsRequest("GET", "/from_url/?pub_key=demopublickey&source_url=x", "", "")
		err := sign.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
			return wrap(errors.New("the signature is " + r.URL.Query().Get("signature")))
		}))
		handlerError, ok := err.(caddyhttp.HandlerError) //nolint:errorlint // as error routes do
		if !ok || handlerError.StatusCode != http.StatusTeapot || handlerError.Err.Error() != "the signature is REDACTED" || signature.MatchString(err.Error()) {
			t.Errorf("%s: got %T %v", name, err, err)
		}
	}
}

// What another handler says of an error can be read by the page, as what the gateway
// says.
func TestCORSLetsErrorsOfOtherHandlersBeRead(t *testing.T) {
	sign := mustSign(t, withCORS)
	for _, path := range []string{"/base/", "/info/"} {
		w := httptest.NewRecorder()
		err := sign.ServeHTTP(w, fromOrigin("POST", path, "https://www.example.com"), caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
			return caddyhttp.Error(http.StatusTooManyRequests, errors.New("too many"))
		}))
		if err == nil || w.Header().Get("Access-Control-Allow-Origin") != "https://www.example.com" || w.Header().Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: %v %v", path, err, w.Header())
		}
	}
}

// Caches do not give a client's response, which has no origin, to a page.
func TestCORSIsKnownToCaches(t *testing.T) {
	if _, w := serve(t, mustSign(t, withCORS), fromOrigin("POST", "/base/", "")); w.Header().Get("Vary") != "Origin" {
		t.Errorf("got %v", w.Header())
	}
	if _, w := serve(t, mustSign(t, onlyProject), fromOrigin("POST", "/base/", "")); w.Header().Get("Vary") != "" {
		t.Errorf("without cors: got %v", w.Header())
	}
}
