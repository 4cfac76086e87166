// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/tracing"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// upload is a request to a signed endpoint on its way to the upstream. It lasts until the
// client has a response, however many attempts that takes.
type upload struct {
	sign     *Sign
	endpoint *uploadapi.SignedEndpoint
	grantors project.Grantors
	forced   []project.Forced // by policies; none if no project forces any
	ctx      context.Context  // of the request
	method   string           // in capitals
	query    string           // as the client sent it
	client   *incomingBody    // the body as it comes, or nil if there is none
	writer   http.ResponseWriter

	// What a retry needs of the body.
	params *string // a urlencoded body, or nil
	kept   []byte  // a form, once the first attempt has sent it, or nil

	began    time.Time
	ending   ending                                // how the handler has ended it
	inFlight atomic.Pointer[project.UploadMetrics] // where it is counted as under way; nil once it has ended
	last     *attempt                              // the latest, which decides the outcome

	traced    bool                   // Caddy's tracing has begun a trace
	family    string                 // of the client
	own       clientCredential       // that the client sent; belongs to the goroutine that reads the first attempt's form
	state     atomic.Pointer[string] // of that credential, once the body has been read
	remaining atomic.Int64           // seconds that the last credential was still valid when it was put in, or noCredential
	record    atomic.Pointer[record]
	published bool // logs or placeholders show the record

	first  attempt // in place: most uploads have no other, and need one allocation less
	before snapshot
}

// newUpload returns the upload of a request.
func newUpload(s *Sign, r *http.Request, endpoint *uploadapi.SignedEndpoint, caller caller, response *responseWriter) *upload {
	u := &upload{
		sign: s, endpoint: endpoint, grantors: caller.grantors, forced: caller.forced,
		ctx: r.Context(), method: uploadapi.Method(r.Method), query: r.URL.RawQuery, client: response.incoming, writer: response.ResponseWriter,
		began: time.Now(), family: uploadapi.ClientOf(r.Header), traced: tracing.Active(r.Context()),
	}
	u.first.upload, u.first.ctx, u.last = u, u.ctx, &u.first
	u.own.bearer = caller.bearer
	u.remaining.Store(noCredential)
	u.fly()
	u.publish()
	if u.client != nil {
		u.first.source = u.client
		if u.first.signing.Stream = !isKept(r.ContentLength); u.first.signing.Stream {
			u.first.signing.Client, _ = caddyhttp.GetVar(u.ctx, caddyhttp.ClientIPVarKey).(string)
		}
	}
	return u
}

// ignoresBody reports whether the service reads the request's query alone, and not its
// body if it has one. Over HTTP/3 a GET may come with a body that is empty, which only a
// read would show.
func (u *upload) ignoresBody() bool { return u.endpoint.Params && u.method != http.MethodPost }

// canRepeat reports whether the body, if there is one, may be at hand for a retry.
func (u *upload) canRepeat() bool {
	return u.client == nil || u.params != nil || u.client.keeps || u.ignoresBody()
}

// another returns the attempt that follows last, with the body as the client sent it, or
// nil if the body was not kept.
func (u *upload) another(last *attempt) *attempt {
	next := &attempt{upload: u, number: last.number + 1, ctx: withOwnVars(u.ctx)}
	next.sent.Before = &last.sent
	if u.client == nil || u.params != nil || u.ignoresBody() {
		return next
	}
	if u.kept == nil {
		if !u.client.keeps {
			return nil
		}
		if u.client.hasMore() { // the service responded before it had read the whole body
			u.client.discard(http.NewResponseController(u.writer), newDrainage())
		}
		var ok bool
		if u.kept, ok = u.client.takeKept(); !ok {
			return nil
		}
	}
	next.source = io.NopCloser(bytes.NewReader(u.kept))
	return next
}
