// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// multipartBody is a form that is edited as it is read. The proxy may read it
// after the handler has returned, close it from another goroutine, or never
// close it, so it owns nothing that has to be given back. It does not close
// the request's own body, which the server does: until then what the proxy
// leaves of it can be read off.
type multipartBody struct {
	mu      sync.Mutex // held while source is read
	source  *endingReader
	editor  *form.Editor
	refusal atomic.Pointer[refusal] // why the form cannot be passed on
}

// endingReader remembers that there is nothing more to read.
type endingReader struct {
	io.Reader
	ended bool
}

func (e *endingReader) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	e.ended = e.ended || err != nil
	return n, err
}

// editMultipart makes the body of r one that is edited as it is read, and tells
// its framing anew: what came with a length leaves with an exact one, what came
// chunked leaves chunked.
func (u *upload) editMultipart(r *http.Request) (*multipartBody, error) {
	boundary, err := form.Boundary(r.Header.Values("Content-Type"))
	if err != nil {
		return nil, err
	}
	freshLength := form.EncodedLength(boundary, u.endpoint.Signature, uploadapi.SignatureLength) +
		form.EncodedLength(boundary, u.endpoint.Expire, uploadapi.ExpireLength)
	if r.ContentLength > math.MaxInt64-int64(freshLength) {
		return nil, uploadapi.ErrRequestSizeLimit
	}
	b := &multipartBody{source: &endingReader{Reader: r.Body}}
	b.editor = form.NewEditor(io.NopCloser(b.source), form.Edit{
		Boundary:    boundary,
		Stale:       staleFields,
		Watched:     publicKeyFields,
		Watch:       func(_, publicKey string) error { return u.choose(publicKey) },
		Fresh:       u.credential,
		FreshLength: freshLength,
	})
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
	b.mu.Lock()
	defer b.mu.Unlock()
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

// Bounds of what is read off when an answer has been given before the body was
// through. A client that sends on without looking would otherwise meet a reset
// connection instead of the answer.
const (
	// maxDrainSize is above the largest direct upload, in bytes.
	maxDrainSize = uploadapi.DirectUploadLimit + 28<<20
	// maxDrainTime is how long it may take; a client that sends nothing at all
	// is cut off by Caddy's read_idle_timeout.
	maxDrainTime = 30 * time.Second
)

// drain reads off what is left of the body, within bounds. The proxy gets
// nothing more of it.
func (b *multipartBody) drain() {
	_ = b.editor.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.source.ended {
		drain(b.source)
	}
}

func drain(source io.Reader) {
	began := time.Now()
	buf := make([]byte, 32<<10)
	for left := maxDrainSize; left > 0 && time.Since(began) < maxDrainTime; {
		n, err := source.Read(buf)
		if err != nil {
			return
		}
		left -= n
	}
}

// Interface guard
var _ io.ReadCloser = (*multipartBody)(nil)
