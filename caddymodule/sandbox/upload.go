// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// statusClientGone is nginx's status for a client that closed the connection. No
	// client sees it. Caddy logs a status below 500 not as a failure of the server.
	statusClientGone = 499
	// maxBoundaryLength is the sandbox's limit, in characters. RFC 2046 allows 70, but
	// some clients send 84, and servers accept them.
	maxBoundaryLength = 200
)

// serveBase is POST /base/.
func (h *Handler) serveBase(w http.ResponseWriter, r *http.Request, files *store) error {
	return h.receive(r, files, func(upload *form, _ fields, attrs attributes) error {
		if upload.fileCount == 0 {
			return uploadapi.ErrFilesRequired
		}
		// Checked last, so that a client without a credential does not learn how full
		// the disk is.
		if upload.full {
			return uploadapi.ErrAccountLimits
		}
		count := len(upload.files)
		ids, err := upload.publish(attrs)
		if err != nil {
			return err
		}
		if c := h.logger.Check(zapcore.DebugLevel, "upload accepted"); c != nil {
			c.Write(zap.Int("files", count))
		}
		return writeJSON(w, ids)
	})
}

// receive reads a form with files, checks it, and passes it to accept. All rules are
// checked when the whole body has arrived, the latest moment at which the service can do
// so: a gateway must not depend on an early refusal. Files that accept does not publish are
// removed.
func (h *Handler) receive(r *http.Request, files *store, accept func(*form, fields, attributes) error) error {
	// The only refusal before the body, for a client that announces too much: reading on
	// would change nothing.
	if r.ContentLength > h.RequestLimit {
		return uploadapi.ErrRequestSizeLimit
	}
	boundary, ok := formBoundary(r.Header)
	if !ok {
		return uploadapi.ErrParserFailed
	}

	upload := newForm(func() (*partial, error) { return files.create(h.StorageLimit) })
	defer h.discard(upload)
	body := &limitedReader{source: r.Body, left: h.RequestLimit}
	if err := upload.read(body, boundary); err != nil {
		return body.explain(err)
	}
	query, refusal := readQuery(r)
	if refusal != nil {
		return refusal
	}
	sent := fields{upload.fields, query}
	// An access token pays one operation for each file.
	if refusal := h.authorize(r, upload.problem, sent, upload.fileCount); refusal != nil {
		return refusal
	}
	attrs, refusal := sent.attributes(uploadapi.FieldStore)
	if refusal != nil {
		return refusal
	}
	return accept(upload, sent, attrs)
}

// discarder has files that have not been accepted yet.
type discarder interface{ discard() error }

// discard removes what has not been published. An error is logged and changes nothing for
// the client.
func (h *Handler) discard(upload discarder) {
	if err := upload.discard(); err != nil {
		h.logger.Error("removing a refused upload failed", zap.Error(err))
	}
}

// formBoundary returns the boundary of a multipart/form-data body. Two that differ are
// refused: by them, two parsers would read two different forms.
func formBoundary(header http.Header) (string, bool) {
	mediaType, parameters, ok := contentTypeOf(header)
	if !ok || mediaType != "multipart/form-data" {
		return "", false
	}
	boundary := ""
	for _, p := range parameters {
		switch {
		case p.key != "boundary":
		// The same one twice is in a type that was set twice, and joined on its way.
		case boundary != "" && boundary != p.value:
			return "", false
		default:
			boundary = p.value
		}
	}
	return boundary, boundary != "" && len(boundary) <= maxBoundaryLength
}

// contentTypeOf parses the Content-Type. It reports false if there are several headers with
// different values, of which servers take the first or the last.
func contentTypeOf(header http.Header) (mediaType string, parameters []parameter, ok bool) {
	types := slices.Compact(slices.Clone(header.Values("Content-Type")))
	if len(types) > 1 {
		return "", nil, false
	}
	mediaType, rest := cutMediaType(header.Get("Content-Type"))
	return mediaType, parseParameters(rest), true
}

var errRequestTooLarge = errors.New("request is over the limit")

// limitedReader reads a request's body up to a limit, and records the error that ended it
// early. So a body that broke off can be distinguished from one that arrived and cannot be
// parsed, whatever the parser makes of the error.
type limitedReader struct {
	source io.Reader
	left   int64 // bytes up to the limit
	err    error // other than io.EOF
}

// Read implements [io.Reader].
func (b *limitedReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	// One byte more than is left is read, which distinguishes a body that ends at the
	// limit from one that goes on.
	if int64(len(p))-1 > b.left {
		p = p[:b.left+1]
	}
	n, err := b.source.Read(p)
	b.left -= int64(n)
	if b.left < 0 { // without the byte too many
		n, err = n-1, errRequestTooLarge
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped EOF is a failure of its own
		b.err = err
	}
	return n, err
}

// explain returns the error of the request for an error of reading its form.
func (b *limitedReader) explain(err error) error {
	switch {
	case errors.Is(b.err, errRequestTooLarge):
		return uploadapi.ErrRequestSizeLimit
	case b.err != nil:
		return caddyhttp.Error(statusClientGone, fmt.Errorf("reading upload: %w", b.err))
	case errors.Is(err, errStorage):
		return err
	default: // all of the body could be read, so its form is to blame
		return uploadapi.ErrParserFailed
	}
}
