// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

const (
	publicKey = "demopublickey"
	secretKey = "secret-key-of-the-suite"
)

// editor is the gateway's handler, once for each scheme.
type editor struct {
	signature, token *sign.Sign
	fresh            [2]string
}

func newEditor(t *testing.T) *editor {
	t.Helper()
	source := `"source":{"module":"secret_key","keys":["` + secretKey + `"]`
	return &editor{
		// A pair that outlives the tests: one batch of forms is signed with one pair.
		signature: newSign(t, `{"projects":[{"public_key":"`+publicKey+`",`+source+`,"lifetime":"24h"}}]}`),
		token:     newSign(t, `{"projects":[{"public_key":"`+publicKey+`","scheme":"token",`+source+`,"lifetime":"5m"}}]}`),
	}
}

// renew finds out what pair is put in now. It is good for the next batch.
func (e *editor) renew(t *testing.T) {
	t.Helper()
	outcome := e.edit(request{method: http.MethodGet, path: "/from_url/", query: "pub_key=" + publicKey}, wholeSlicing)
	values, err := url.ParseQuery(outcome.left.query)
	if err != nil || outcome.refused != "" {
		t.Fatalf("a plain request is refused: %s, %v", outcome.refused, err)
	}
	e.fresh = [2]string{values.Get("signature"), values.Get("expire")}
	if problem := wrongPair([2][]string{values["signature"], values["expire"]}); problem != "" {
		t.Fatal(problem)
	}
}

// newSign provisions the handler as Caddy does, with a log that goes nowhere.
func newSign(t *testing.T, config string) *sign.Sign {
	t.Helper()
	discard := caddyconfig.JSONModuleObject(caddy.DiscardWriter{}, "output", "discard", nil)
	ctx, err := caddy.ProvisionContext(&caddy.Config{
		Admin:   &caddy.AdminConfig{Disabled: true},
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{WriterRaw: discard}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sign := new(sign.Sign)
	if err := json.Unmarshal([]byte(config), sign); err != nil {
		t.Fatal(err)
	}
	if err := sign.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sign.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return sign
}

// edited is what became of a request.
type edited struct {
	refused string  // why the request did not pass; empty if it did
	status  int     // of the refusal
	left    request // as it went on
	length  int64   // that was promised; -1 if it went chunked
	framing []string
	bearer  bool      // an access token is in the header
	fresh   [2]string // the signature and expire that are put in at this time
}

// edit passes a request through the handler.
func (e *editor) edit(client request, how slicing) edited {
	r := httptest.NewRequest(client.verb(), "http://localhost/base/", nil)
	path, query, _ := strings.Cut(client.target(), "?")
	r.URL.Path, r.URL.RawQuery = path, query
	r.RequestURI = client.target()
	r.Body = io.NopCloser(&slicedReader{client.body, how.size})
	r.ContentLength = int64(len(client.body))
	if client.chunked {
		r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	} else if len(client.body) == 0 {
		r.Body = http.NoBody
	}
	if client.contentType != nil {
		r.Header["Content-Type"] = slices.Clone(client.contentType)
	}
	if client.contentEncoding != nil {
		r.Header["Content-Encoding"] = slices.Clone(client.contentEncoding)
	}
	sign := e.signature
	if client.tokens {
		sign = e.token
	}
	outcome, passed := edited{length: -1, fresh: e.fresh}, false
	response := httptest.NewRecorder()
	err := sign.ServeHTTP(response, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		outcome.left = request{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, contentType: r.Header["Content-Type"], contentEncoding: r.Header["Content-Encoding"]}
		outcome.length, outcome.framing = r.ContentLength, r.TransferEncoding
		outcome.bearer = strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
		body, err := readSliced(r.Body, how.reading)
		if err != nil {
			return caddyhttp.Error(http.StatusBadGateway, err)
		}
		outcome.left.body, passed = body, true
		// An upload without a body has an empty one of unknown length, so that it is not repeated.
		// Clients look whether it is empty, and send none.
		if r.Method != http.MethodPost && r.ContentLength < 0 && len(body) == 0 {
			outcome.length = 0
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}))
	if !passed {
		outcome.status, outcome.refused = response.Code, strings.TrimSpace(response.Body.String())
		if outcome.refused == "" || outcome.status < 400 || outcome.status > 499 {
			outcome.refused = fmt.Sprintf("no refusal: status %d, %v, %q", response.Code, err, outcome.refused)
		}
	}
	return outcome
}
