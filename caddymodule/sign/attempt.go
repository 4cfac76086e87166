// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// attempt is an upload's being sent once: the request as it leaves, the credential
// that it leaves with, and what the form has said so far. A further attempt begins
// with nothing of one before it but what its credential has to be.
type attempt struct {
	*upload

	number  int // 0 for the first
	ctx     context.Context
	source  io.ReadCloser // of a form: the client, or what was kept of it
	signing project.Signing

	publicKey string // as far as it is known
	project   *project.Project
	// chosen is project, for those who do not read the form.
	chosen   atomic.Pointer[project.Project]
	inHeader bool // the credential is in the header

	request  *http.Request // as it leaves
	form     *multipartBody
	observed *observedConnection
	sent     redact.Credential
	handed   handover.Request
}

// prepare makes the request that leaves from the client's own, which it does
// not change: placeholders, logs and error routes go on showing that one.
func (a *attempt) prepare(r *http.Request) (err error) {
	ctx, observed := a.sign.offsets.observe(a.ctx)
	if a.client != nil {
		a.handed.Interrupter = a
	}
	a.handed.Sent = &a.sent
	request := r.WithContext(handover.With(ctx, &a.handed))
	url := *r.URL
	request.URL, request.Header = &url, r.Header.Clone()
	request.Method = a.method
	// A response that is compressed cannot be read, and all of them are small.
	request.Header["Accept-Encoding"] = []string{"identity"}
	a.request, a.observed = request, observed
	a.form, err = a.edit(request)
	return err
}

// Interrupt implements [handover.Interrupter]. What is sent again is there, and waits
// for nobody.
func (a *attempt) Interrupt() {
	if a.number == 0 {
		a.client.interrupt(a.writer)
	}
}

// send passes the request on. It returns why the answer is not the upstream's,
// if that is so.
func (a *attempt) send(response *responseWriter, next caddyhttp.Handler) (*refusal, error) {
	response.body, response.sent = a.form, &a.sent
	err := redactError(&a.sent, next.ServeHTTP(response, a.request))
	if a.form != nil {
		refusal := a.form.refusal.Load()
		_ = a.form.Close() // the proxy gets nothing more of it
		// Once there is an answer, it goes on reading what it has closed, and
		// that says nothing.
		if refusal != nil && response.status == 0 {
			return refusal, err
		}
	}
	refusal := response.failure(err)
	if refusal == nil && err == nil && response.status == 0 && !response.hijacked {
		refusal = withoutResponse(a.ctx)
	}
	return refusal, err
}
