// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
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
	grantors project.Grantors
	ctx      context.Context // of the request
	query    string          // as the client sent it
	incoming *incomingBody   // nil if there is none
	writer   http.ResponseWriter
	inHeader bool // the credential is in the header

	publicKey string // as far as it is known
	project   *project.Project
	attempt
	// chosen is project, for those who do not read the form.
	chosen  atomic.Pointer[project.Project]
	counted atomic.Bool
}

// choose sets the project that the upload is for. An empty key says nothing.
// Blanks and line ends around it are for the service to judge.
func (u *upload) choose(publicKey string) error {
	publicKey = strings.TrimSpace(publicKey)
	switch {
	case publicKey == "" || publicKey == u.publicKey:
		return nil
	case len(publicKey) > form.MaxWatchedValueSize:
		return form.ErrValueTooLong
	case u.publicKey != "":
		return errPublicKeyConflict
	}
	project := u.sign.projects.Of(publicKey)
	if project == nil {
		return fmt.Errorf("no project is configured for public key %q: %w", publicKey, uploadapi.PublicKeyInvalid(u.endpoint.PublicKey))
	}
	u.publicKey, u.project = publicKey, project
	u.chosen.Store(project)
	return nil
}

// chooseByParams takes the public key from a query string or a urlencoded body.
func (u *upload) chooseByParams(params string) error {
	if params == "" {
		return nil
	}
	return form.WatchQuery(params, publicKeyFields, u.choose)
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
	token, err := u.signing.Token(u.ctx, u.grantors.Of(u.project), u.publicKey)
	switch {
	case err != nil && u.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		return nil, credentialError{err}
	}
	u.handed.Sent.Set(token.Signature)
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

// loggable returns r, which is not to be signed, as it is passed on: untouched, but
// what logs show of it, such as the proxy's at debug level, has no stale field in its
// query.
func loggable(r *http.Request) *http.Request {
	stripped := form.StripQuery(r.URL.RawQuery, staleFields)
	if form.HidesParameter(stripped, staleFields) {
		stripped = ""
	}
	if stripped == r.URL.RawQuery {
		return r
	}
	url := *r.URL
	url.RawQuery = stripped
	passed := *r
	passed.RequestURI = url.RequestURI()
	return &passed
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

	contentType, err := form.ParseContentType(r.Header["Content-Type"])
	if errors.Is(err, form.ErrCharset) {
		return nil, err
	}
	if authorizeErr := u.authorize(r); authorizeErr != nil {
		return nil, authorizeErr
	}
	// What the service reads by way of GET stands in the query: a body, which
	// nobody reads, stays here.
	inQuery := u.endpoint.Params && u.incoming == nil || u.readsQueryAlone()
	if !inQuery && form.IsCoded(r.Header["Content-Encoding"]) {
		return nil, errContentEncoding
	}
	delete(r.Header, "Content-Encoding") // which is a word that is none, or of no body
	if inQuery {
		return nil, u.editQuery(r)
	}
	var body *multipartBody
	switch {
	case err != nil:
		return nil, err
	case contentType.Media == form.MediaMultipart && u.incoming == nil:
		return nil, form.ErrUnexpectedEnd // the proxy would pass the head on alone, unsigned
	case contentType.Media == form.MediaMultipart:
		body, err = u.editMultipart(r, &contentType)
	case !u.endpoint.Params:
		return nil, form.ErrNotMultipart
	default:
		err = u.editParams(r, contentType.Media)
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
