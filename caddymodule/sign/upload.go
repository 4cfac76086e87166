// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

var (
	// staleFields are taken out of body and query, whatever the endpoint.
	staleFields = form.NewNames(uploadapi.CredentialFields()...)
	// publicKeyNames all name the project; clients send either or both.
	publicKeyNames  = []string{uploadapi.FieldPublicKey, uploadapi.ParamPublicKey}
	publicKeyFields = form.NewNames(publicKeyNames...)
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

// choose sets the project that the upload is for. An empty key says nothing.
// Blanks and line ends around it are for the service to judge.
func (a *attempt) choose(publicKey string) error {
	publicKey = strings.TrimSpace(publicKey)
	switch {
	case publicKey == "" || publicKey == a.publicKey:
		return nil
	case len(publicKey) > form.MaxWatchedValueSize:
		return form.ErrValueTooLong
	case a.publicKey != "":
		return errPublicKeyConflict
	}
	project := a.sign.projects.Of(publicKey)
	if project == nil {
		return fmt.Errorf("no project is configured for public key %q: %w", publicKey, uploadapi.PublicKeyInvalid(a.endpoint.PublicKey))
	}
	a.publicKey, a.project = publicKey, project
	a.chosen.Store(project)
	return nil
}

// chooseByParams takes the public key from a query string or a urlencoded body.
func (a *attempt) chooseByParams(params string) error {
	if params == "" {
		return nil
	}
	return form.WatchQuery(params, publicKeyFields, a.choose)
}

// credential returns a fresh credential as the fields that the endpoint wants,
// or none if it is in the header already. It is called when the client's last
// byte has passed.
func (a *attempt) credential() ([]form.Field, error) {
	if err := a.chooseByParams(a.query); err != nil {
		return nil, err
	}
	if a.project == nil {
		return nil, uploadapi.PublicKeyRequired(a.endpoint.PublicKey)
	}
	if a.inHeader {
		a.countSigned()
		return nil, nil
	}
	token, err := a.signing.Token(a.ctx, a.grantors.Of(a.project), a.publicKey)
	switch {
	case err != nil && a.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		return nil, credentialError{err}
	}
	a.handed.Sent.Set(token.Signature)
	a.countSigned()
	if check := a.sign.logger.Check(zap.DebugLevel, "signing upload"); check != nil {
		check.Write(zap.String("endpoint", a.endpoint.Path), zap.String("public_key", a.publicKey), zap.Int64("expire", token.Expire))
	}
	return []form.Field{
		{Name: a.endpoint.Signature, Value: token.Signature},
		{Name: a.endpoint.Expire, Value: strconv.FormatInt(token.Expire, 10)},
	}, nil
}

// stripQuery takes stale fields out of the query of r.
func (a *attempt) stripQuery(r *http.Request) error {
	if form.HidesParameter(r.URL.RawQuery, staleFields) {
		return form.ErrAmbiguousParameters
	}
	if stripped := form.StripQuery(r.URL.RawQuery, staleFields); stripped != r.URL.RawQuery {
		r.URL.RawQuery = stripped
		r.RequestURI = r.URL.RequestURI() // which the proxy's debug log shows
	}
	return nil
}

// loggable returns r, which is not to be signed, as it is passed on: untouched, but
// what logs show of it, such as the proxy's at debug level, has no stale field in its
// query.
func loggable(r *http.Request) *http.Request {
	stripped := form.StripQuery(r.URL.RawQuery, staleFields)
	if form.HidesParameter(stripped, staleFields) {
		stripped = ""
	}
	if stripped == r.URL.RawQuery {
		return r
	}
	url := *r.URL
	url.RawQuery = stripped
	passed := *r
	passed.RequestURI = url.RequestURI()
	return &passed
}

// edit makes r carry a fresh credential and no other: in its header in scheme
// `token`, otherwise in its body if it has one, or else in its query. Its error
// says why r cannot be signed. The body that it returns, if any, is edited as it
// is read.
func (a *attempt) edit(r *http.Request) (*multipartBody, error) {
	if err := a.stripQuery(r); err != nil {
		return nil, err
	}
	// What arrives has a body of known framing, or none: trailers would force
	// chunked framing, and 100 Continue is answered here, by the first read.
	r.Trailer = nil
	delete(r.Header, "Expect")

	contentType, err := form.ParseContentType(r.Header["Content-Type"])
	if errors.Is(err, form.ErrCharset) {
		return nil, err
	}
	if authorizeErr := a.authorize(r); authorizeErr != nil {
		return nil, authorizeErr
	}
	// What the service reads by way of GET stands in the query: a body, which
	// nobody reads, stays here.
	inQuery := a.endpoint.Params && a.client == nil || a.readsQueryAlone()
	if !inQuery && form.IsCoded(r.Header["Content-Encoding"]) {
		return nil, errContentEncoding
	}
	delete(r.Header, "Content-Encoding") // which is a word that is none, or of no body
	if inQuery {
		return nil, a.editQuery(r)
	}
	var body *multipartBody
	switch {
	case err != nil:
		return nil, err
	case contentType.Media == form.MediaMultipart && a.client == nil:
		return nil, form.ErrUnexpectedEnd // the proxy would pass the head on alone, unsigned
	case contentType.Media == form.MediaMultipart:
		body, err = a.editMultipart(r, &contentType)
	case !a.endpoint.Params:
		return nil, form.ErrNotMultipart
	default:
		err = a.editParams(r, contentType.Media)
	}
	if err == nil {
		setContentType(r.Header, &contentType)
	}
	return body, err
}

// setContentType writes the Content-Type of a form anew, as it was read, for
// servers that read it otherwise.
func setContentType(header http.Header, contentType *form.ContentType) {
	isForm := contentType.Media == form.MediaMultipart || contentType.Media == form.MediaURLEncoded
	if isForm && !contentType.IsWritten(header["Content-Type"]) {
		header["Content-Type"] = []string{contentType.String()}
	}
}
