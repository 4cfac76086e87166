// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// maxParamsSize bounds a urlencoded body, in bytes. It is held, since nothing
// of it may go out before all of it is known. A group of a thousand files takes
// a tenth of it.
const maxParamsSize = 1 << 20

// editParams edits a urlencoded body. An empty one that came chunked counts as
// none.
func (u *upload) editParams(r *http.Request, mediaType string) error {
	if r.ContentLength > maxParamsSize {
		return &http.MaxBytesError{Limit: maxParamsSize}
	}
	body, err := io.ReadAll(io.LimitReader(u.incoming, maxParamsSize+1))
	u.params = body
	switch {
	case err != nil:
		return err
	case len(body) > maxParamsSize:
		return &http.MaxBytesError{Limit: maxParamsSize}
	case len(body) == 0:
		return u.editQuery(r)
	case !isParams(mediaType, body):
		return u.editQueryBeside(r, body)
	}
	params := string(body)
	if form.HidesParameter(params, staleFields) {
		return form.ErrAmbiguousParameters
	}
	if err := u.chooseByParams(params); err != nil {
		return err
	}
	params, err = u.signParams(form.StripQuery(params, staleFields))
	if err != nil {
		return err
	}
	setBody(r, params)
	return nil
}

// editQuery puts the credential into the query of a request without a body.
func (u *upload) editQuery(r *http.Request) error {
	// Some servers end the query at a number sign, which Go lets pass.
	params, err := u.signParams(strings.ReplaceAll(r.URL.RawQuery, "#", "%23"))
	if err != nil {
		return err
	}
	r.URL.RawQuery = params
	setBody(r, "")
	return nil
}

// editQueryBeside puts the credential into the query of a request whose body is
// no form, so that the service does not read it. The query must name the project
// then, and the body neither that nor a credential.
func (u *upload) editQueryBeside(r *http.Request, body []byte) error {
	if err := u.chooseByParams(r.URL.RawQuery); err != nil {
		return err
	}
	if u.project == nil || staleFields.MentionedIn(body) || publicKeyFields.MentionedIn(body) {
		return errParamsType
	}
	if err := u.editQuery(r); err != nil {
		return err
	}
	setBody(r, string(body))
	return nil
}

// signParams adds a fresh credential, whose values need no escaping: behind the
// other parameters, or before them if a line end ends them. It is no part of the
// last value to some servers, but would be with another parameter behind it.
func (u *upload) signParams(params string) (string, error) {
	credential, err := u.credential()
	if err != nil || len(credential) == 0 {
		return params, err
	}
	fresh := make([]string, 0, len(credential))
	for _, field := range credential {
		fresh = append(fresh, field.Name+"="+field.Value)
	}
	signed := strings.Join(fresh, "&")
	switch {
	case params == "":
		return signed, nil
	case strings.HasSuffix(params, "\n"), strings.HasSuffix(params, "\r"):
		return signed + "&" + params, nil
	case strings.HasSuffix(params, "&"):
		return params + signed, nil
	}
	return params + "&" + signed, nil
}

// isParams reports whether a body is urlencoded. Some clients label such a body
// as JSON, and the service takes it.
func isParams(mediaType string, body []byte) bool {
	switch mediaType {
	case form.MediaURLEncoded:
		return true
	case "application/json":
		trimmed := bytes.TrimLeft(body, " \t\r\n")
		return bytes.IndexByte(trimmed, '=') > 0 && !bytes.ContainsAny(trimmed[:1], `{["`)
	default:
		return false
	}
}

// setBody gives r a body that is known in full.
func setBody(r *http.Request, body string) {
	r.ContentLength, r.TransferEncoding = int64(len(body)), nil
	if body == "" {
		r.Body = http.NoBody
	} else {
		r.Body = io.NopCloser(strings.NewReader(body))
	}
	if body != "" || r.Method != http.MethodGet {
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
}
