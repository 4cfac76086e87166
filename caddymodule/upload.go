// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

var (
	// staleFields are taken out of body and query, whatever the endpoint.
	staleFields = form.NewNames(uploadapi.CredentialFields()...)
	// publicKeyNames all name the project; clients send either or both.
	publicKeyNames  = []string{uploadapi.FieldPublicKey, uploadapi.ParamPublicKey}
	publicKeyFields = form.NewNames(publicKeyNames...)
)

// upload is a request to a signed endpoint on its way through.
type upload struct {
	sign     *Sign
	endpoint *uploadapi.SignedEndpoint
	grantors grantors
	ctx      context.Context // of the request
	query    string          // as the client sent it
	incoming *incomingBody   // nil if there is none
	writer   http.ResponseWriter
	inHeader bool // the credential is in the header

	publicKey string // as far as it is known
	project   *Project
	attempt
	// chosen is project, for those who do not read the form.
	chosen  atomic.Pointer[Project]
	counted atomic.Bool
}

// choose sets the project that the upload is for. An empty key says nothing.
func (u *upload) choose(publicKey string) error {
	switch {
	case publicKey == "" || publicKey == u.publicKey:
		return nil
	case u.publicKey != "":
		return errPublicKeyConflict
	}
	project := u.sign.project(publicKey)
	if project == nil {
		return fmt.Errorf("no project is configured for public key %q: %w", publicKey, uploadapi.PublicKeyInvalid(u.endpoint.PublicKey))
	}
	u.publicKey, u.project = publicKey, project
	u.chosen.Store(project)
	return nil
}

// chooseByParams takes the public key from a query string or a urlencoded body.
func (u *upload) chooseByParams(params string) error {
	if !mayNameProject(params) {
		return nil
	}
	values, _ := url.ParseQuery(params) // what cannot be parsed is not there
	for _, name := range publicKeyNames {
		for _, publicKey := range values[name] {
			if len(publicKey) > form.MaxWatchedValueSize {
				return fmt.Errorf("%w: %s", form.ErrValueTooLong, name)
			}
			if err := u.choose(publicKey); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayNameProject reports whether params can hold a public key at all.
func mayNameProject(params string) bool {
	names := func(name string) bool { return strings.Contains(params, name) }
	return strings.Contains(params, "%") || slices.ContainsFunc(publicKeyNames, names)
}

// credential returns a fresh credential as the fields that the endpoint wants,
// or none if it is in the header already. It is called when the client's last
// byte has passed.
func (u *upload) credential() ([]form.Field, error) {
	if err := u.chooseByParams(u.query); err != nil {
		return nil, err
	}
	if u.project == nil {
		return nil, uploadapi.PublicKeyRequired(u.endpoint.PublicKey)
	}
	if u.inHeader {
		u.countSigned()
		return nil, nil
	}
	token, err := u.grantFor(u.project)
	switch {
	case err != nil && u.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		return nil, credentialError{err}
	}
	u.countSigned()
	if check := u.sign.logger.Check(zap.DebugLevel, "signing upload"); check != nil {
		check.Write(zap.String("endpoint", u.endpoint.Path), zap.String("public_key", u.publicKey), zap.Int64("expire", token.Expire))
	}
	return []form.Field{
		{Name: u.endpoint.Signature, Value: token.Signature},
		{Name: u.endpoint.Expire, Value: strconv.FormatInt(token.Expire, 10)},
	}, nil
}

// stripQuery takes stale fields out of the query of r.
func (u *upload) stripQuery(r *http.Request) error {
	if form.HidesParameter(r.URL.RawQuery, staleFields) {
		return form.ErrAmbiguousParameters
	}
	if stripped := form.StripQuery(r.URL.RawQuery, staleFields); stripped != r.URL.RawQuery {
		r.URL.RawQuery = stripped
		r.RequestURI = r.URL.RequestURI() // which the proxy's debug log shows
	}
	return nil
}

// edit makes r carry a fresh credential and no other: in its header in scheme
// `token`, otherwise in its body if it has one, or else in its query. Its error
// says why r cannot be signed. The body that it returns, if any, is edited as it
// is read.
func (u *upload) edit(r *http.Request) (*multipartBody, error) {
	if err := u.stripQuery(r); err != nil {
		return nil, err
	}
	// What arrives has a body of known framing, or none: trailers would force
	// chunked framing, and 100 Continue is answered here, by the first read.
	r.Trailer = nil
	delete(r.Header, "Expect")

	if !form.HasPlainCharset(r.Header["Content-Type"]) {
		return nil, errCharset
	}
	if err := u.authorize(r); err != nil {
		return nil, err
	}
	empty := u.incoming == nil
	if empty && u.endpoint.Params {
		return nil, u.editQuery(r)
	}
	if r.Method == http.MethodGet { // whose body may yet turn out to be empty
		return nil, u.editParams(r)
	}
	if isEncoded(r.Header) {
		return nil, errContentEncoding
	}
	if form.IsMultipart(r.Header["Content-Type"]) {
		if empty { // the proxy would pass the head on alone, unsigned
			return nil, form.ErrUnexpectedEnd
		}
		return u.editMultipart(r)
	}
	if !u.endpoint.Params {
		return nil, form.ErrNotMultipart
	}
	return nil, u.editParams(r)
}

// isEncoded reports whether the body has a content coding.
func isEncoded(header http.Header) bool {
	return slices.ContainsFunc(header["Content-Encoding"], func(coding string) bool {
		return coding != "" && !strings.EqualFold(coding, "identity")
	})
}
