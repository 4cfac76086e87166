// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// maxParamsSize is the size of the largest urlencoded body, in bytes. Such a body is
// held whole: the credential may stand before the parameters, and a stale field or a
// second public key in its last ones, so that nothing of it may leave before all of it
// was read. The longest that the API has a use for are
//
//   - a file with 50 metadata: each with a key of 64 and a value of 512 characters,
//     of which one takes 12 bytes at most (UTF-8, percent-encoded), and 20 bytes
//     besides. In all 50 * (64*3 + 512*12 + 20) = 317,800 bytes, which leaves as
//     much as 200 KiB for an address (source_url) and the rest;
//   - a group of 1,000 files: each "files%5B999%5D=" and a UUID, 51 bytes, and a
//     chain of operations, for which 470 are left.
const maxParamsSize = 512 << 10

// editing bounds how many large bodies are edited at a time. Meanwhile there may be
// further copies of each, decoded or stripped, which [bodyMemory] does not count.
var editing = make(chan struct{}, 4)

// smallParams is the size up to which bodies are edited without waiting for their turn,
// in bytes. Their copies are too small to count.
const smallParams = 32 << 10

// editParams edits a urlencoded body. An empty one that came chunked counts as none. When
// it cannot be signed, its memory is released at once: the refusal may take as long as
// the client goes on sending.
func (a *attempt) editParams(r *http.Request, mediaType string) error {
	if r.ContentLength > maxParamsSize {
		return &http.MaxBytesError{Limit: maxParamsSize}
	}
	if a.params != nil {
		return a.editBufferedParams(r, mediaType, *a.params)
	}
	params, err := a.client.hold(a.ctx, a.writer, r.ContentLength)
	if err == nil {
		a.params = &params
		err = a.editBufferedParams(r, mediaType, params)
	}
	if err != nil {
		a.params = nil
		a.client.recycle()
	}
	return err
}

// editBufferedParams edits a body that was read whole, of this attempt or one before.
func (a *attempt) editBufferedParams(r *http.Request, mediaType, params string) error {
	switch {
	case params == "":
		return a.editQuery(r)
	case !isParams(mediaType, params):
		return a.editQueryBeside(r, params)
	}
	stripped, err := a.stripParams(params)
	if err != nil {
		return err
	}
	if a.sign.policies.contested != nil { // the body may have named the project
		if err := a.stripQuery(r); err != nil {
			return err
		}
	}
	a.params = &stripped // a retry needs no more, and the original can be freed
	before, behind, err := a.signParams(stripped)
	if err != nil {
		return err
	}
	setBody(r, before, stripped, behind)
	return nil
}

// stripParams returns a urlencoded body without stale fields, and has its public key
// choose the project. A body that some servers would find a stale field in, in spite of
// that, is refused.
func (a *attempt) stripParams(params string) (string, error) {
	if len(params) > smallParams {
		editing <- struct{}{}
		defer func() { <-editing }()
	}
	if err := a.findCharset(params); err != nil {
		return "", err
	}
	if err := a.chooseByParams(params); err != nil {
		return "", err
	}
	names := a.staleNames()
	if form.HidesParameter(params, names) {
		return "", form.ErrAmbiguousParameters
	}
	stripped := form.StripQuery(params, names)
	if stripped != params && a.number == 0 {
		a.own.takeParams(params)
	}
	return stripped, a.judgeParams(params)
}

// editQuery puts the credential into the query of a request, which leaves without a body.
func (a *attempt) editQuery(r *http.Request) error {
	// Go leaves a number sign in a query, and some servers end the query there: the
	// credential behind it would be lost.
	params := strings.ReplaceAll(r.URL.RawQuery, "#", "%23")
	before, behind, err := a.signParams(params)
	if err != nil {
		return err
	}
	r.URL.RawQuery = before + params + behind
	setBody(r)
	a.handed.Empty = r.ContentLength < 0
	return nil
}

// editQueryBeside puts the credential into the query of a request whose body is no form,
// which the service does not read. The query must name the project then. If the body
// mentions a public key or a credential, the request is refused: a server that did read
// it would find another project, or a stale credential, in it.
func (a *attempt) editQueryBeside(r *http.Request, body string) error {
	if err := a.chooseByQuery(); err != nil {
		return err
	}
	if a.project == nil || a.mentionsProtected(body) {
		return errParamsType
	}
	if err := a.editQuery(r); err != nil {
		return err
	}
	setBody(r, body)
	return nil
}

// mentionsProtected reports whether the name of a protected field, or of one that a policy
// judges, is anywhere in a body, or may be: in pieces or another charset, to a server that
// takes the body for a form.
func (a *attempt) mentionsProtected(body string) bool {
	if len(body) > smallParams {
		editing <- struct{}{}
		defer func() { <-editing }()
	}
	// JSON's escapes are rewritten as %u0073, which the search decodes; \u0073 it would miss.
	text := []byte(strings.ReplaceAll(body, `\u`, "%u"))
	return form.ExtendsName(text) || a.staleNames().MentionedIn(text) || a.sign.policies.watched[a.endpoint].MentionedIn(text)
}

// signParams returns the fresh fields as they stand before or behind the other parameters.
// They stand behind, unless the parameters end with a line end. Some servers remove that from a
// body's last value; with a parameter behind it, it would become part of the value.
func (a *attempt) signParams(params string) (before, behind string, err error) {
	fields, err := a.fresh()
	if err != nil || len(fields) == 0 {
		return "", "", err
	}
	fresh := make([]string, 0, len(fields))
	for _, field := range fields {
		fresh = append(fresh, form.EscapeParam(field))
	}
	signed := strings.Join(fresh, "&")
	switch {
	case params == "":
		return "", signed, nil
	case strings.HasSuffix(params, "\n"), strings.HasSuffix(params, "\r"):
		return signed + "&", "", nil
	case strings.HasSuffix(params, "&"):
		return "", signed, nil
	}
	return "", "&" + signed, nil
}

// isParams reports whether a body is urlencoded. Some clients label such a body as JSON,
// and the service reads it all the same: if it passed as JSON, its stale fields would too.
func isParams(mediaType, body string) bool {
	switch mediaType {
	case form.MediaURLEncoded:
		return true
	case "application/json":
		trimmed := strings.TrimLeft(body, " \t\r\n")
		return strings.IndexByte(trimmed, '=') > 0 && !strings.ContainsAny(trimmed[:1], `{["`)
	default:
		return false
	}
}

// setBody gives r a body of the given pieces, and an exact length. The pieces are not
// joined, which would take the memory of a large one once more. If there are none, it gets an
// empty body of unknown length, and leaves with neither: clients of HTTP, Go's and the
// gateway's own, repeat a GET without a body on another connection if the first was closed, and the service
// may have stored its file by then.
func setBody(r *http.Request, pieces ...string) {
	length, readers := 0, make([]io.Reader, 0, len(pieces))
	for _, piece := range pieces {
		if piece != "" {
			length += len(piece)
			readers = append(readers, strings.NewReader(piece))
		}
	}
	r.ContentLength, r.TransferEncoding = int64(length), nil
	r.Body = io.NopCloser(io.MultiReader(readers...))
	if length == 0 && r.Method != http.MethodPost {
		r.ContentLength = -1
	} else if length == 0 {
		r.Body = http.NoBody
	}
	// A POST without Content-Length is refused by some servers (RFC 9110, section 8.6).
	if length > 0 || r.Method == http.MethodPost {
		r.Header.Set("Content-Length", strconv.Itoa(length))
	}
}
