// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

var (
	staleFields = uploadapi.CredentialFields()
	keyFields   = []string{uploadapi.FieldPublicKey}
)

// body is the body of an upload on its way through the editor. The proxy may
// read it after the handler has returned, close it from another goroutine, or
// never close it, so it owns nothing that has to be given back.
type body struct {
	*form.Editor
	sign        *Sign
	ctx         context.Context // of the request, which the body belongs to
	query       string
	freshLength int64

	publicKey string // as the form has it
	project   *Project
	refusal   atomic.Pointer[refusal] // why the body cannot be passed on
}

// newBody returns the edited body of r, or why r cannot be signed.
func (s *Sign) newBody(r *http.Request) (*body, error) {
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return nil, errContentEncoding
		}
	}
	boundary, err := form.Boundary(r.Header.Values("Content-Type"))
	if err != nil {
		return nil, err
	}
	// Without a body the proxy would pass the head on, unsigned.
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, form.ErrUnexpectedEnd
	}
	freshLength := form.EncodedLength(boundary, uploadapi.FieldSignature, uploadapi.SignatureLength) +
		form.EncodedLength(boundary, uploadapi.FieldExpire, uploadapi.ExpireLength)
	b := &body{sign: s, ctx: r.Context(), query: r.URL.RawQuery, freshLength: int64(freshLength)}
	b.Editor = form.NewEditor(r.Body, form.Edit{
		Boundary:    boundary,
		Stale:       staleFields,
		Watched:     keyFields,
		Watch:       b.watch,
		Fresh:       b.fresh,
		FreshLength: freshLength,
	})
	return b, nil
}

// attach makes b the body of r and tells its framing anew: what came with a
// length leaves with an exact one, what came chunked leaves chunked.
func (b *body) attach(r *http.Request) {
	r.Body = b
	if r.ContentLength > 0 {
		r.ContentLength += b.freshLength
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		r.TransferEncoding = nil // it would win over the length
	}
	r.Trailer = nil        // it would force chunked framing, and no form has one
	r.Header.Del("Expect") // answered here, by the first read
	r.URL.RawQuery = form.StripQuery(r.URL.RawQuery, staleFields)
}

// Read implements [io.Reader]. Its errors say what to answer.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.Editor.Read(p)
	if err == nil || err == io.EOF || errors.Is(err, form.ErrClosed) { //nolint:errorlint // readers return io.EOF itself
		return n, err
	}
	refusal := newRefusal(err)
	b.refusal.CompareAndSwap(nil, refusal)
	return n, refusal
}

// watch is called with each public key in the form.
func (b *body) watch(_, publicKey string) error {
	if publicKey == "" {
		return nil
	}
	return b.choose(publicKey)
}

// choose sets the project that the upload is for.
func (b *body) choose(publicKey string) error {
	if b.publicKey != "" && b.publicKey != publicKey {
		return errPublicKeyConflict
	}
	project := b.sign.project(publicKey)
	if project == nil {
		return fmt.Errorf("no project is configured for public key %q: %w", publicKey, uploadapi.PublicKeyInvalid(uploadapi.FieldPublicKey))
	}
	b.publicKey, b.project = publicKey, project
	return nil
}

// fresh yields the credential that goes into the form. It is called when the
// client's last byte has passed.
func (b *body) fresh() ([]form.Field, error) {
	if err := b.chooseByQuery(); err != nil {
		return nil, err
	}
	if b.project == nil {
		return nil, uploadapi.PublicKeyRequired(uploadapi.FieldPublicKey)
	}
	token, err := b.project.token(b.ctx)
	if err != nil {
		return nil, credentialError{err}
	}
	if check := b.sign.logger.Check(zap.DebugLevel, "signing upload"); check != nil {
		check.Write(zap.String("public_key", b.publicKey), zap.Int64("expire", token.Expire))
	}
	return []form.Field{
		{Name: uploadapi.FieldSignature, Value: token.Signature},
		{Name: uploadapi.FieldExpire, Value: strconv.FormatInt(token.Expire, 10)},
	}, nil
}

// chooseByQuery takes the public key from the query, where the service looks
// for it too.
func (b *body) chooseByQuery() error {
	if b.query == "" {
		return nil
	}
	values, _ := url.ParseQuery(b.query) // what cannot be parsed is not there
	for _, publicKey := range values[uploadapi.FieldPublicKey] {
		if err := b.watch("", publicKey); err != nil {
			return err
		}
	}
	return nil
}

// answerWriter keeps the proxy from answering for a client that it takes to be
// gone, when it was the body that could not be passed on.
type answerWriter struct {
	*caddyhttp.ResponseWriterWrapper
	body  *body
	begun bool // an answer has begun
}

// WriteHeader implements [http.ResponseWriter].
func (a *answerWriter) WriteHeader(status int) {
	if status == statusClientClosedRequest && a.body.refusal.Load() != nil {
		return
	}
	if status >= 200 {
		a.begun = true
	}
	a.ResponseWriterWrapper.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answerWriter) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom].
func (a *answerWriter) ReadFrom(r io.Reader) (int64, error) {
	a.begun = true
	return a.ResponseWriterWrapper.ReadFrom(r)
}

// Interface guards
var (
	_ io.ReadCloser       = (*body)(nil)
	_ http.ResponseWriter = (*answerWriter)(nil)
	_ io.ReaderFrom       = (*answerWriter)(nil)
)
