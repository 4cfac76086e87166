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
	// statusClientGone is nginx's status for a client that hung up. The
	// client does not see it, and the log does not take it for our failure.
	statusClientGone = 499
	// maxBoundaryLength is ours. RFC 2046 allows 70 characters, but some
	// clients send 84, and servers read them.
	maxBoundaryLength = 200
)

// serveBase is POST /base/.
func (h *Handler) serveBase(w http.ResponseWriter, r *http.Request, files *store) error {
	return h.receive(r, files, func(upload *form, _ fields, said remarks) error {
		if upload.fileCount == 0 {
			return uploadapi.ErrFilesRequired
		}
		// Last, so that nobody without a credential learns how full the disk is.
		if upload.full {
			return uploadapi.ErrAccountLimits
		}
		count := len(upload.files)
		ids, err := upload.publish(said)
		if err != nil {
			return err
		}
		if c := h.logger.Check(zapcore.DebugLevel, "upload accepted"); c != nil {
			c.Write(zap.Int("files", count))
		}
		return writeJSON(w, ids)
	})
}

// receive takes in a form with files for accept. All rules are judged when the
// whole body has arrived, which is the latest moment at which the service may
// judge them. What accept does not publish is removed.
func (h *Handler) receive(r *http.Request, files *store, accept func(*form, fields, remarks) error) error {
	if r.ContentLength > h.RequestLimit {
		return uploadapi.ErrRequestSizeLimit
	}
	boundary, ok := formBoundary(r.Header)
	if !ok {
		return uploadapi.ErrParserFailed
	}

	upload := newForm(func() (*partial, error) { return files.create(h.StorageLimit) })
	defer h.discard(upload)
	body := &limitedBody{source: r.Body, left: h.RequestLimit}
	if err := upload.read(body, boundary); err != nil {
		return body.explain(err)
	}
	query, refusal := readQuery(r)
	if refusal != nil {
		return refusal
	}
	sent := fields{upload.fields, query}
	if refusal := h.authorize(r, upload.problem, sent, upload.fileCount); refusal != nil {
		return refusal
	}
	said, refusal := sent.remarks(fieldStore)
	if refusal != nil {
		return refusal
	}
	return accept(upload, sent, said)
}

// discarder holds files that were not accepted yet.
type discarder interface{ discard() error }

// discard removes what was not published.
func (h *Handler) discard(upload discarder) {
	if err := upload.discard(); err != nil {
		h.logger.Error("removing a refused upload failed", zap.Error(err))
	}
}

// formBoundary returns the boundary of a multipart/form-data body. Two different
// ones would let two parsers see two different forms.
func formBoundary(header http.Header) (string, bool) {
	mediaType, parameters, ok := contentTypeOf(header)
	if !ok || mediaType != "multipart/form-data" {
		return "", false
	}
	boundary := ""
	for _, p := range parameters {
		switch {
		case p.key != "boundary":
		case boundary != "" && boundary != p.value:
			return "", false
		default:
			boundary = p.value
		}
	}
	return boundary, boundary != "" && len(boundary) <= maxBoundaryLength
}

// contentTypeOf reads the header Content-Type, which may be there more than
// once, but not with two values.
func contentTypeOf(header http.Header) (mediaType string, parameters []parameter, ok bool) {
	types := slices.Compact(slices.Clone(header.Values("Content-Type")))
	if len(types) > 1 {
		return "", nil, false
	}
	mediaType, rest := cutMediaType(header.Get("Content-Type"))
	return mediaType, parseParameters(rest), true
}

var errRequestTooLarge = errors.New("request is over the limit")

// limitedBody reads a request's body up to a limit and keeps the error that
// ended it early, so that a body which broke off can be told from one that
// arrived but makes no sense.
type limitedBody struct {
	source io.Reader
	left   int64
	err    error
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	// One byte more than is left tells a body that ends at the limit from
	// one that goes on.
	if int64(len(p))-1 > b.left {
		p = p[:b.left+1]
	}
	n, err := b.source.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		n, err = n-1, errRequestTooLarge
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped EOF is a failure of its own
		b.err = err
	}
	return n, err
}

// explain turns an error of reading the form into the response.
func (b *limitedBody) explain(err error) error {
	switch {
	case errors.Is(b.err, errRequestTooLarge):
		return uploadapi.ErrRequestSizeLimit
	case b.err != nil:
		return caddyhttp.Error(statusClientGone, fmt.Errorf("reading upload: %w", b.err))
	case errors.Is(err, errStorage):
		return err
	default:
		return uploadapi.ErrParserFailed
	}
}
