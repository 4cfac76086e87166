// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// attempt is what belongs to sending an upload once. It may take several until
// the service takes the credential.
type attempt struct {
	number  int     // 0 for the first
	fresh   *Token  // what a further one is signed with, unless that is made for each
	signing signing // which of several secret keys signs
	// refused are the indexes of the secret keys that it has been rejected with.
	refused []int
	// proves is what its acceptance says of the credential before, or 0.
	proves uploadapi.Rejection

	request *http.Request // as it leaves
	body    *multipartBody
	look    *connectionLook

	params  *string // a urlencoded body, which is held, or nil
	grant   grant   // what the request was signed with, once granted says so
	granted atomic.Bool
	// handed is what is handed over with the request: the credential of grant too, to
	// be kept out of what comes back.
	handed handover.Request
}

// signing is which of a project's secret keys signs one attempt.
type signing struct {
	own       bool // not the one that signs for all
	key       int  // its index
	inPlaceOf int  // that of the one that signs for all
	onTrial   bool // no other upload is
}

// grant is a credential that a request left with.
type grant struct {
	grantor   grantor
	publicKey string // which the client sent, if it was known by then
	token     Token
	offset    time.Duration // of the clock that it was made by
	signing   signing
	proves    uploadapi.Rejection // what its acceptance says of another
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

// grantFor returns a project's credential for the upload, and takes note of it.
func (u *upload) grantFor(project *Project) (Token, error) {
	grantor := u.grantors.of(project)
	return u.note(grantor, func() (Token, error) {
		if u.fresh != nil && !u.fresh.Expired(project.credentials.clock.Now().Wall, 0) {
			return *u.fresh, nil
		}
		if keys := project.keys; keys != nil && u.choosesKey(project) {
			return keys.mint(u.signing.key, project.credentials.clock.Now().Wall), nil
		}
		return grantor.token(u.ctx)
	})
}

// grantMade returns a credential that is made for the upload alone.
func (u *upload) grantMade(project *Project, mint func(now time.Time) (Token, error)) (Token, error) {
	return u.note(project.grantor(), func() (Token, error) { return mint(project.credentials.clock.Now().Wall) })
}

// choosesKey reports whether another secret key signs the attempt than the one
// that signs for all: since it has been rejected with that, or to try another.
func (u *upload) choosesKey(project *Project) bool {
	rotation := &project.credentials.rotation
	if !u.signing.own && rotation.suspect.Load() {
		keys := len(project.keys.secrets)
		if key, ok := rotation.try(keys, project.credentials.clock.Now().Elapsed); ok {
			u.signing = signing{own: true, key: key, inPlaceOf: rotation.current(keys), onTrial: true}
		}
	}
	return u.signing.own
}

func (u *upload) note(grantor grantor, get func() (Token, error)) (Token, error) {
	offset := grantor.project.credentials.clock.Offset()
	token, err := get()
	if err == nil {
		u.grant = grant{grantor, u.publicKey, token, offset, u.signing, u.proves}
		if u.handed.Sent.Set(&u.grant.token.Signature); token.AccessToken != "" {
			u.handed.Sent.Set(&u.grant.token.AccessToken)
		}
		u.granted.Store(true)
	}
	return token, err
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
