// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"io"
	"net/http"
	"net/url"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// paramsLimit bounds a body that holds no file, in bytes. A multipart form of
// maxFields short fields is above a megabyte.
const paramsLimit = 2 << 20

// readParams takes in a request of an endpoint that takes no file: a body of
// either kind, the query string, or both. The refusal is for what is wrong with
// the body itself.
func readParams(r *http.Request) (fields, *uploadapi.Error, error) {
	query, refusal := readQuery(r)
	sent := fields{query: query}
	if refusal != nil {
		return sent, refusal, nil
	}
	if r.Method != http.MethodPost {
		return sent, nil, nil
	}
	if r.ContentLength > paramsLimit {
		return sent, uploadapi.ErrRequestSizeLimit, nil
	}
	body := &limitedBody{source: r.Body, left: paramsLimit}
	if boundary, ok := formBoundary(r.Header); ok {
		form := newForm(nil)
		if err := form.read(body, boundary); err != nil {
			return sent, nil, body.explain(err)
		}
		sent.body = form.fields
		return sent, form.problem, nil
	}
	encoded, err := io.ReadAll(body)
	if err != nil {
		return sent, nil, body.explain(err)
	}
	sent.body, refusal = parseParams(r.Header, string(encoded))
	return sent, refusal, nil
}

// parseParams reads a body that is no multipart form. None at all may be
// labelled as anything, and pyuploadcare labels its urlencoded one as JSON.
func parseParams(header http.Header, encoded string) (url.Values, *uploadapi.Error) {
	mediaType, _, ok := contentTypeOf(header)
	switch {
	case !ok:
		return nil, uploadapi.ErrParserFailed
	case mediaType == "multipart/form-data": // without a boundary
		return nil, uploadapi.ErrParserFailed
	case encoded == "":
		return nil, nil
	case mediaType != "application/x-www-form-urlencoded" && mediaType != "application/json":
		return nil, uploadapi.ErrParserFailed
	}
	values, refusal := parseQuery(encoded)
	if refusal == nil {
		refusal = checkParams(values)
	}
	return values, refusal
}

// checkParams holds a urlencoded body to the bounds of a form.
func checkParams(values url.Values) *uploadapi.Error {
	for name, texts := range values {
		if len(name) > maxNameLength {
			return uploadapi.ErrParserFailed
		}
		for _, text := range texts {
			if len(text) > maxFieldLength {
				return uploadapi.ErrParserFailed
			}
		}
	}
	if hasNull(values) {
		return uploadapi.ErrNullCharacters
	}
	return nil
}
