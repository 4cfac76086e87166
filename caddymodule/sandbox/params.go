// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"io"
	"net/http"
	"net/url"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// paramsLimit bounds a body without files, in bytes. A multipart form with maxFields short
// fields has more than a megabyte.
const paramsLimit = 2 << 20

// readParams reads the fields of a request to an endpoint that accepts no files: from a
// body of either kind, from the query string, or from both. The refusal is about the body
// itself; the fields that have been read are valid nevertheless, since the service checks
// the public key first. The error is one of reading the body.
func readParams(r *http.Request) (fields, *uploadapi.Error, error) {
	query, refusal := readQuery(r)
	sent := fields{query: query}
	if refusal != nil {
		return sent, refusal, nil
	}
	if r.Method != http.MethodPost { // a body of a GET is ignored (RFC 9110, section 9.3.1)
		return sent, nil, nil
	}
	// Without reading up to the limit first.
	if r.ContentLength > paramsLimit {
		return sent, uploadapi.ErrRequestSizeLimit, nil
	}
	body := &limitedReader{source: r.Body, left: paramsLimit}
	// The documentation has multipart alone on these endpoints; recordings of the service
	// show urlencoded bodies that it took.
	if boundary, ok := formBoundary(r.Header); ok {
		form := newForm(nil) // a file in it is skipped
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

// parseParams parses a body that is no multipart form. An empty one may have any
// Content-Type, and pyuploadcare sends its urlencoded body as application/json.
func parseParams(header http.Header, encoded string) (url.Values, *uploadapi.Error) {
	mediaType, _, ok := contentTypeOf(header)
	switch {
	case !ok:
		return nil, uploadapi.ErrParserFailed
	case mediaType == "multipart/form-data": // without a boundary
		return nil, uploadapi.ErrParserFailed
	// The SDK for Swift has all in the query, no body, and the type application/json.
	case encoded == "":
		return nil, nil
	case mediaType != "application/x-www-form-urlencoded" && mediaType != "application/json":
		return nil, uploadapi.ErrParserFailed
	}
	// The same syntax as a query's, and so the same rules.
	values, refusal := parseQuery(encoded)
	if refusal == nil {
		refusal = checkParams(values)
	}
	return values, refusal
}

// checkParams applies the limits of a form to a urlencoded body.
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
