// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// attempt is what belongs to sending an upload once. It may take several until
// the service takes the credential.
type attempt struct {
	number  int // 0 for the first
	signing project.Signing

	request *http.Request // as it leaves
	body    *multipartBody
	look    *connectionLook
	params  *string // a urlencoded body, which is held, or nil
	handed  handover.Request
}

// prepare makes the request that leaves from the client's own, which it does
// not change: placeholders, logs and error routes go on showing that one.
func (u *upload) prepare(r *http.Request) (err error) {
	ctx, look := u.sign.offsets.look(u.ctx)
	if u.incoming != nil {
		u.handed.Interrupter = u
	}
	request := r.WithContext(handover.With(ctx, &u.handed))
	url := *r.URL
	request.URL, request.Header = &url, r.Header.Clone()
	request.Method = uploadapi.Method(r.Method)
	// An answer that is compressed cannot be read, and all of them are small.
	request.Header["Accept-Encoding"] = []string{"identity"}
	u.request, u.look = request, look
	u.body, err = u.edit(request)
	return err
}

// Interrupt implements [handover.Interrupter].
func (u *upload) Interrupt() { u.incoming.interrupt(u.writer) }

// send passes the request on. It returns why the answer is not the upstream's,
// if that is so.
func (u *upload) send(answer *answerWriter, next caddyhttp.Handler) (*refusal, error) {
	answer.body, answer.sent = u.body, &u.handed.Sent
	err := answer.sent.Error(next.ServeHTTP(answer, u.request))
	if u.body != nil {
		refusal := u.body.refusal.Load()
		_ = u.body.Close() // the proxy gets nothing more of it
		// Once there is an answer, it goes on reading what it has closed, and
		// that says nothing.
		if refusal != nil && answer.status == 0 {
			return refusal, err
		}
	}
	refusal := answer.failure(err)
	if refusal == nil && err == nil && answer.status == 0 && !answer.hijacked {
		refusal = unanswered(u.ctx)
	}
	return refusal, err
}

// canRepeat reports whether the request could be made again.
func (u *upload) canRepeat() bool {
	return u.incoming == nil || u.params != nil || u.incoming.keeps || u.readsQueryAlone()
}

// readsQueryAlone reports whether the request's body, if it has one, is read by
// nobody. Over HTTP/3 it may have one that is empty, which is not known before.
func (u *upload) readsQueryAlone() bool {
	return u.endpoint.Params && u.request.Method != http.MethodPost
}
