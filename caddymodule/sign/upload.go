// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// upload is a request to a signed endpoint on its way through. It lasts until its
// client has a response, however many attempts that takes.
type upload struct {
	sign     *Sign
	endpoint *uploadapi.SignedEndpoint
	grantors project.Grantors
	ctx      context.Context // of the request
	method   string          // in capitals
	query    string          // as the client sent it
	client   *incomingBody   // the body as it comes, or nil if there is none
	writer   http.ResponseWriter

	// What has come of the body, for another attempt.
	params  *string // a urlencoded one, which is held, or nil
	kept    []byte  // a form, once it has been sent, or nil
	counted atomic.Bool

	first attempt // most uploads have no other
}

// newUpload returns the upload that r is.
func newUpload(s *Sign, r *http.Request, endpoint *uploadapi.SignedEndpoint, grantors project.Grantors, answer *answerWriter) *upload {
	u := &upload{
		sign: s, endpoint: endpoint, grantors: grantors,
		ctx: r.Context(), method: uploadapi.Method(r.Method), query: r.URL.RawQuery, client: answer.incoming, writer: answer.ResponseWriter,
	}
	u.first.upload, u.first.ctx = u, u.ctx
	if u.client != nil {
		u.first.source = u.client
		if u.first.signing.Stream = !isKept(r.ContentLength); u.first.signing.Stream {
			u.first.signing.Client, _ = caddyhttp.GetVar(u.ctx, caddyhttp.ClientIPVarKey).(string)
		}
	}
	return u
}

// readsQueryAlone reports whether the request's body, if it has one, is read by
// nobody. Over HTTP/3 it may have one that is empty, which is not known before.
func (u *upload) readsQueryAlone() bool { return u.endpoint.Params && u.method != http.MethodPost }

// canRepeat reports whether there may be another attempt.
func (u *upload) canRepeat() bool {
	return u.client == nil || u.params != nil || u.client.keeps || u.readsQueryAlone()
}

// another returns an attempt with the body as the client sent it, behind last, or nil
// if that was not kept.
func (u *upload) another(last *attempt, answer *answerWriter) *attempt {
	next := &attempt{upload: u, number: last.number + 1, ctx: withOwnVars(u.ctx)}
	next.sent.Before = &last.sent
	if u.client == nil || u.params != nil || u.readsQueryAlone() {
		return next
	}
	if u.kept == nil {
		if !u.client.keeps {
			return nil
		}
		if u.client.left() { // the service had seen enough
			u.client.readOff(http.NewResponseController(answer))
		}
		var ok bool
		if u.kept, ok = u.client.all(); !ok {
			return nil
		}
	}
	next.source = io.NopCloser(bytes.NewReader(u.kept))
	return next
}
