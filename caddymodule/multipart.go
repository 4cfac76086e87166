// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// multipartBody is a form that is edited as it is read. The proxy may read it
// after the handler has returned, close it from another goroutine, or never
// close it, so it owns nothing that has to be given back. It does not close
// what comes in: until the handler returns, what the proxy leaves of it can be
// read off.
type multipartBody struct {
	editor  *form.Editor
	refusal atomic.Pointer[refusal] // why the form cannot be passed on
}

// editMultipart makes the body of r one that is edited as it is read, and tells
// its framing anew: what came with a length leaves with an exact one, what came
// chunked leaves chunked.
func (u *upload) editMultipart(r *http.Request) (*multipartBody, error) {
	boundary, err := form.Boundary(r.Header["Content-Type"])
	if err != nil {
		return nil, err
	}
	freshLength := u.freshLength(boundary)
	if r.ContentLength > math.MaxInt64-int64(freshLength) {
		return nil, uploadapi.ErrRequestSizeLimit
	}
	u.incoming.keep(r.ContentLength)
	b := &multipartBody{editor: form.NewEditor(u.incoming, form.Edit{
		Boundary:    boundary,
		Stale:       staleFields,
		Watched:     publicKeyFields,
		Watch:       func(_, publicKey string) error { return u.choose(publicKey) },
		Fresh:       u.credential,
		FreshLength: freshLength,
	})}
	r.Body = b
	if r.ContentLength > 0 {
		r.ContentLength += int64(freshLength)
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		r.TransferEncoding = nil // it would win over the length
	}
	return b, nil
}

// Read implements [io.Reader]. Its errors say what to answer.
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

// Interface guard
var _ io.ReadCloser = (*multipartBody)(nil)
