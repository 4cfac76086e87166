// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

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

// choose sets the project that the upload is for. An empty key says nothing.
// Blanks and line ends around it are for the service to judge.
func (a *attempt) choose(publicKey string) error {
	publicKey = strings.TrimSpace(publicKey)
	switch {
	case publicKey == "" || publicKey == a.publicKey:
		return nil
	case len(publicKey) > form.MaxWatchedValueSize:
		return form.ErrValueTooLong
	case a.publicKey != "":
		return errPublicKeyConflict
	}
	project := a.sign.projects.Of(publicKey)
	if project == nil {
		return fmt.Errorf("no project is configured for public key %q: %w", publicKey, uploadapi.PublicKeyInvalid(a.endpoint.PublicKey))
	}
	a.publicKey, a.project = publicKey, project
	a.chosen.Store(project)
	return nil
}

// chooseByParams takes the public key from a query string or a urlencoded body.
func (a *attempt) chooseByParams(params string) error {
	if params == "" {
		return nil
	}
	return form.WatchQuery(params, publicKeyFields, a.choose)
}

// credential returns a fresh credential as the fields that the endpoint wants,
// or none if it is in the header already. It is called when the client's last
// byte has passed.
func (a *attempt) credential() ([]form.Field, error) {
	if err := a.chooseByParams(a.query); err != nil {
		return nil, err
	}
	if a.project == nil {
		return nil, uploadapi.PublicKeyRequired(a.endpoint.PublicKey)
	}
	if a.inHeader {
		a.countSigned()
		return nil, nil
	}
	token, err := a.signing.Token(a.ctx, a.grantors.Of(a.project), a.publicKey)
	switch {
	case err != nil && a.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		return nil, credentialError{err}
	}
	a.sent.Set(token.Signature)
	a.countSigned()
	if check := a.sign.logger.Check(zap.DebugLevel, "signing upload"); check != nil {
		check.Write(zap.String("endpoint", a.endpoint.Path), zap.String("public_key", a.publicKey), zap.Int64("expire", token.Expire))
	}
	return []form.Field{
		{Name: a.endpoint.Signature, Value: token.Signature},
		{Name: a.endpoint.Expire, Value: strconv.FormatInt(token.Expire, 10)},
	}, nil
}

// stripQuery takes stale fields out of the query of r.
func (a *attempt) stripQuery(r *http.Request) error {
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
func (a *attempt) edit(r *http.Request) (*multipartBody, error) {
	if err := a.stripQuery(r); err != nil {
		return nil, err
	}
	// What arrives has a body of known framing, or none: trailers would force
	// chunked framing, and 100 Continue is answered here, by the first read.
	r.Trailer = nil
	delete(r.Header, "Expect")

	contentType, err := form.ParseContentType(r.Header["Content-Type"])
	if errors.Is(err, form.ErrCharset) {
		return nil, err
	}
	if authorizeErr := a.authorize(r); authorizeErr != nil {
		return nil, authorizeErr
	}
	// What the service reads by way of GET stands in the query: a body, which
	// nobody reads, stays here.
	inQuery := a.endpoint.Params && a.client == nil || a.readsQueryAlone()
	if !inQuery && form.IsCoded(r.Header["Content-Encoding"]) {
		return nil, errContentEncoding
	}
	delete(r.Header, "Content-Encoding") // which is a word that is none, or of no body
	if inQuery {
		return nil, a.editQuery(r)
	}
	var body *multipartBody
	switch {
	case err != nil:
		return nil, err
	case contentType.Media == form.MediaMultipart && a.client == nil:
		return nil, form.ErrUnexpectedEnd // the proxy would pass the head on alone, unsigned
	case contentType.Media == form.MediaMultipart:
		body, err = a.editMultipart(r, &contentType)
	case !a.endpoint.Params:
		return nil, form.ErrNotMultipart
	default:
		err = a.editParams(r, contentType.Media)
	}
	if err == nil {
		setContentType(r.Header, &contentType)
	}
	return body, err
}

// setContentType writes the Content-Type of a form anew, as it was read, for
// servers that read it otherwise.
func setContentType(header http.Header, contentType *form.ContentType) {
	isForm := contentType.Media == form.MediaMultipart || contentType.Media == form.MediaURLEncoded
	if isForm && !contentType.IsWritten(header["Content-Type"]) {
		header["Content-Type"] = []string{contentType.String()}
	}
}
