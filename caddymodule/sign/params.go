// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// maxParamsSize bounds a urlencoded body, in bytes. It is held, since nothing of
// it may go out before all of it is known. The longest that the API has a use
// for are
//
//   - a file with 50 metadata: each with a key of 64 and a value of 512 characters,
//     of which one takes 12 bytes at most (UTF-8, percent-encoded), and 20 bytes
//     besides. In all 50 * (64*3 + 512*12 + 20) = 317,800 bytes, which leaves as
//     much as 200 KiB for an address (source_url) and the rest;
//   - a group of 1,000 files: each "files%5B999%5D=" and a UUID, 51 bytes, and a
//     chain of operations, for which 470 are left.
const maxParamsSize = 512 << 10

// editing bounds how many large bodies are looked through at a time. Meanwhile
// there may be further copies of one, without what is encoded in it.
var editing = make(chan struct{}, 4)

// smallParams is the size of bodies that are looked through at once, in bytes.
const smallParams = 32 << 10

// editParams edits a urlencoded body. An empty one that came chunked counts as
// none.
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
	if err != nil { // the client may go on sending for a while
		a.params = nil
		a.client.recycle()
	}
	return err
}

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
	a.params = &stripped // which is as good if it has to be sent again
	before, behind, err := a.signParams(stripped)
	if err != nil {
		return err
	}
	setBody(r, before, stripped, behind)
	return nil
}

// stripParams takes stale fields out of a urlencoded body, and the public key
// from it.
func (a *attempt) stripParams(params string) (string, error) {
	if len(params) > smallParams {
		editing <- struct{}{}
		defer func() { <-editing }()
	}
	if form.HidesParameter(params, staleFields) {
		return "", form.ErrAmbiguousParameters
	}
	if err := a.chooseByParams(params); err != nil {
		return "", err
	}
	return form.StripQuery(params, staleFields), nil
}

// editQuery puts the credential into the query of a request without a body.
func (a *attempt) editQuery(r *http.Request) error {
	// Some servers end the query at a number sign, which Go lets pass.
	params := strings.ReplaceAll(r.URL.RawQuery, "#", "%23")
	before, behind, err := a.signParams(params)
	if err != nil {
		return err
	}
	r.URL.RawQuery = before + params + behind
	setBody(r)
	return nil
}

// editQueryBeside puts the credential into the query of a request whose body is
// no form, so that the service does not read it. The query must name the project
// then, and the body neither that nor a credential.
func (a *attempt) editQueryBeside(r *http.Request, body string) error {
	if err := a.chooseByParams(r.URL.RawQuery); err != nil {
		return err
	}
	if a.project == nil || mentionsProtected(body) {
		return errParamsType
	}
	if err := a.editQuery(r); err != nil {
		return err
	}
	setBody(r, body)
	return nil
}

// mentionsProtected reports whether a credential or a public key is anywhere in a
// body.
func mentionsProtected(body string) bool {
	if len(body) > smallParams {
		editing <- struct{}{}
		defer func() { <-editing }()
	}
	text := []byte(body)
	return staleFields.MentionedIn(text) || publicKeyFields.MentionedIn(text)
}

// signParams returns a fresh credential, whose values need no escaping, as it
// stands before or behind the other parameters: behind them, or before them if a
// line end ends them. It is no part of the last value to some servers, but would
// be with another parameter behind it.
func (a *attempt) signParams(params string) (before, behind string, err error) {
	credential, err := a.credential()
	if err != nil || len(credential) == 0 {
		return "", "", err
	}
	fresh := make([]string, 0, len(credential))
	for _, field := range credential {
		fresh = append(fresh, field.Name+"="+field.Value)
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

// isParams reports whether a body is urlencoded. Some clients label such a body
// as JSON, and the service takes it.
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

// setBody gives r a body that is known in full, of pieces that are not joined: a
// large one would be held once more.
func setBody(r *http.Request, pieces ...string) {
	length, readers := 0, make([]io.Reader, 0, len(pieces))
	for _, piece := range pieces {
		if piece != "" {
			length += len(piece)
			readers = append(readers, strings.NewReader(piece))
		}
	}
	r.ContentLength, r.TransferEncoding = int64(length), nil
	if length == 0 {
		r.Body = http.NoBody
	} else {
		r.Body = io.NopCloser(io.MultiReader(readers...))
	}
	if length > 0 || r.Method == http.MethodPost {
		r.Header.Set("Content-Length", strconv.Itoa(length))
	}
}
