// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// multipartBody is a form that is edited as it is read. The proxy may read it after the
// handler has returned, close it from another goroutine, or never close it, so it owns
// nothing that has to be given back. It does not close the client's body, whose rest is
// discarded by the handler.
type multipartBody struct {
	editor  *form.Editor
	refusal atomic.Pointer[refusal] // why the form cannot be passed on
}

// editMultipart makes the body of r one that is edited as it is read, and adapts its
// framing: what came with a length leaves with an exact one, longer by the credential,
// and what came chunked leaves chunked. A length that is too small would cut the form
// short, and one that is too large would leave the upstream waiting for the rest.
func (a *attempt) editMultipart(r *http.Request, contentType *form.ContentType) (*multipartBody, error) {
	if a.number == 0 {
		a.client.keep(r.ContentLength)
	}
	source, err := a.settleBoundary(contentType)
	if err != nil {
		return nil, err
	}
	a.boundary = contentType.Boundary() // with which forced fields are checked, again if the query named the project
	if err := a.checkKnownForced(); err != nil {
		return nil, err
	}
	if err := a.passContested(r.URL.RawQuery); err != nil {
		return nil, err
	}
	a.promised = a.freshLength()
	if r.ContentLength > math.MaxInt64-int64(a.promised) {
		return nil, uploadapi.ErrRequestSizeLimit
	}
	b := &a.edited
	b.editor = form.NewEditor(source, a.edits(r.ContentLength < 0))
	r.Body = b
	if r.ContentLength > 0 {
		r.ContentLength += int64(a.promised)
		setCloned(r.Header, "Content-Length", strconv.FormatInt(r.ContentLength, 10))
		r.TransferEncoding = nil // net/http would send chunks in spite of the length
	}
	return b, nil
}

// edits returns what is to be done to the form.
func (a *attempt) edits(chunked bool) form.Edit {
	policies := &a.sign.policies
	edit := form.Edit{
		Boundary:     a.boundary,
		Stale:        policies.stale,
		Watched:      policies.watched[a.endpoint],
		Watch:        a.watch,
		MaxValueSize: policies.maxWatchedValue(a.endpoint),
		Fresh:        a.freshFields,
		FreshLength:  a.promised,
		Chunked:      chunked,
	}
	if policies.contested != nil {
		edit.Contested, edit.IsStale = policies.contested, a.isStale
	}
	if a.mindsCharset() {
		edit.Foreign = a.foundForeign
	}
	if a.number == 0 {
		edit.Removed = a.own.take
	}
	if a.judge.Observes() {
		edit.Observer = a.judge
	}
	return edit
}

// credentialLength returns by how many bytes the credential makes the form longer. Its
// values have fixed lengths, and the editor fails with any other.
func (a *attempt) credentialLength() int {
	if a.inHeader {
		return 0
	}
	return form.EncodedLength(a.boundary, a.endpoint.Signature, uploadapi.SignatureLength) +
		form.EncodedLength(a.boundary, a.endpoint.Expire, uploadapi.ExpireLength)
}

// settleBoundary returns the body. If the Content-Type can be read as naming one of
// several boundaries, it first reads as much of the body as shows which one the form has: if
// the editor took another than the service, it would miss fields that the service sees.
func (a *attempt) settleBoundary(contentType *form.ContentType) (io.ReadCloser, error) {
	if contentType.Settled() {
		return a.source, nil
	}
	beginning := make([]byte, 0, boundaryStep)
	for final := false; !contentType.Settle(beginning, final); {
		beginning = slices.Grow(beginning, boundaryStep)
		n, err := a.source.Read(beginning[len(beginning):cap(beginning)])
		beginning = beginning[:len(beginning)+n]
		final = err == io.EOF //nolint:errorlint // readers return io.EOF itself
		if err != nil && !final {
			return nil, err
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(beginning), a.source), a.source}, nil
}

// boundaryStep is how much of a body is read at a time to find its boundary, in bytes.
// Nearly all bodies begin with it, and boundaries have 70 at most (RFC 2046, section 5.1.1).
const boundaryStep = 512

// Read implements [io.Reader]. Its errors but io.EOF are a [refusal], which passes through
// the proxy and is kept here, too, for a proxy that reports another error instead.
func (b *multipartBody) Read(p []byte) (int, error) {
	n, err := b.editor.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		return n, err
	}
	refusal := newRefusal(err)
	b.refusal.CompareAndSwap(nil, refusal)
	return n, refusal
}

// Close implements [io.Closer].
func (b *multipartBody) Close() error { return b.editor.Close() }

// EditedForm implements [handover.EditedForm].
func (*multipartBody) EditedForm() {}

// Interface guard
var _ handover.EditedForm = (*multipartBody)(nil)
