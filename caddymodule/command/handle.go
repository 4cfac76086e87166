// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// response takes a handler's response. (net/http/httptest has such a type, and adds a flag
// to every program that imports it.)
type response struct {
	header http.Header
	status int // 0 before there is one
	body   bytes.Buffer
}

// maxResponse is how much of a response is kept, in bytes. The upstream may be any server, and
// send without end.
const maxResponse = 64 << 10

// Header implements [http.ResponseWriter].
func (r *response) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter]. Interim responses are ignored: the first
// final status counts.
func (r *response) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
}

// Write implements [http.ResponseWriter].
func (r *response) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body.Write(p[:min(len(p), max(0, maxResponse-r.body.Len()))])
	return len(p), nil
}

// prepared returns a request with what Caddy's server puts into its context, and a writer for
// its response. Handlers and matchers panic without a replacer and variables.
func prepared(r *http.Request) (*http.Request, *response, *caddy.Replacer) {
	taken, replacer := &response{header: make(http.Header)}, caddy.NewReplacer()
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	return caddyhttp.PrepareRequest(r, replacer, taken, new(caddyhttp.Server)), taken, replacer
}

// nothing is the last handler of a chain. It writes no response.
var nothing = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

// serve has a handler respond to a request that no client has sent. With a signer, the
// request is signed first.
func serve(signer *sign.Sign, handler caddyhttp.MiddlewareHandler, r *http.Request) (taken *response, code string, err error) {
	r, taken, replacer := prepared(r)
	last := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return handler.ServeHTTP(w, r, nothing) })
	if signer == nil {
		err = last.ServeHTTP(taken, r)
	} else {
		err = signer.ServeHTTP(taken, r, last)
	}
	code, _ = replacer.GetString(codePlaceholder)
	return taken, code, err
}

// codePlaceholder has the code of a refusal.
const codePlaceholder = "http.uploadcare.error_code"
