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
	// staleFields are taken out of body and query, whatever the endpoint: the service may
	// come to read one where it does not yet, and two credentials are an error.
	staleFields = form.NewNames(uploadapi.CredentialFields()...)
	// publicKeyNames are the fields that name the project. Clients send either or both.
	publicKeyNames  = []string{uploadapi.FieldPublicKey, uploadapi.ParamPublicKey}
	publicKeyFields = form.NewNames(publicKeyNames...)
)

// choose sets the project by a public key of the request. A second key that differs is an
// error: which of them the service takes is not documented, and the signature would be for
// the other. An empty key counts as none. Blanks and line ends around it are ignored here,
// and arrive as they are.
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
	a.flyAs(project)
	return a.applyPolicy()
}

// chooseByParams chooses the project by a query string or a urlencoded body.
func (a *attempt) chooseByParams(params string) error {
	if params == "" {
		return nil
	}
	return form.WatchQuery(params, publicKeyFields, func(_, publicKey string) error { return a.choose(publicKey) })
}

// chooseByQuery chooses the project by the query, once.
func (a *attempt) chooseByQuery() error {
	if a.queried {
		return nil
	}
	a.queried = true
	return a.chooseByParams(a.query)
}

// fresh returns the fields to add, as the endpoint reads them: those that the project's
// policy forces, and a fresh credential, unless it is in the header already. It is called
// after the client's last byte, so that a slow upload of an hour does not arrive with a
// credential that has expired on the way.
func (a *attempt) fresh() ([]form.Field, error) {
	if err := a.chooseByQuery(); err != nil {
		return nil, err
	}
	if a.project == nil {
		return nil, uploadapi.PublicKeyRequired(a.endpoint.PublicKey)
	}
	a.countClient()
	if err := a.judge.Finish(); err != nil {
		return nil, err
	}
	forced := a.forcedOf(a.project).Fields
	if a.inHeader {
		return forced, nil
	}
	token, err := a.signing.Token(a.ctx, a.grantors.Of(a.project), a.publicKey)
	switch {
	case err != nil && a.ctx.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		return nil, credentialError{err}
	}
	a.sent.Set(token.Signature)
	a.remaining.Store(a.signing.Remaining())
	if check := a.sign.logger.Check(zap.DebugLevel, "signing upload"); check != nil {
		check.Write(zap.String("endpoint", a.endpoint.Path), zap.String("public_key", a.publicKey), zap.Int64("expire", token.Expire))
	}
	fields := append(a.fields[:0], forced...)
	return append(fields,
		form.Field{Name: a.endpoint.Signature, Value: token.Signature},
		form.Field{Name: a.endpoint.Expire, Value: strconv.FormatInt(token.Expire, 10)}), nil
}

// stripQuery takes stale fields out of the query of r, as far as the project is known. A
// query in which some servers would still find one is refused, for any cut that suits one
// server would be wrong for another.
func (a *attempt) stripQuery(r *http.Request) error {
	names := a.staleNames()
	if form.HidesParameter(r.URL.RawQuery, names) {
		return form.ErrAmbiguousParameters
	}
	if stripped := form.StripQuery(r.URL.RawQuery, names); stripped != r.URL.RawQuery {
		if a.number == 0 {
			a.own.takeParams(r.URL.RawQuery)
		}
		r.URL.RawQuery = stripped
		r.RequestURI = r.URL.RequestURI() // the proxy's debug log shows this one
	}
	return nil
}

// edit makes r carry a fresh credential and no other: in its header in scheme `token`,
// otherwise in its body if it has one that the service reads, or else in its query. If r
// has a form, it is returned, and edited as it is read; its errors may come as late. The
// error of edit itself says why r cannot be signed.
func (a *attempt) edit(r *http.Request) (*multipartBody, error) {
	contentType, err := form.ParseContentType(r.Header["Content-Type"])
	a.foreign = contentType.Foreign
	if err := a.beginJudging(r.ContentLength); err != nil {
		return nil, err
	}
	if a.sign.policies.rules != nil { // what is forbidden, and what is to be removed, depends on the project
		if err := a.chooseByQuery(); err != nil {
			return nil, err
		}
	}
	if err := a.stripQuery(r); err != nil {
		return nil, err
	}
	// Trailers would force chunked framing (RFC 9112, section 7.1.2), and the editor does
	// not see what is in them. Expect is between the client and this server, which sends
	// 100 Continue at the first Read: passed on, it would have the proxy wait for another
	// one from the upstream before it reads (RFC 9110, section 10.1.1).
	r.Trailer = nil
	drop(r.Header, "Expect")

	if errors.Is(err, form.ErrCharset) {
		return nil, err
	}
	if authorizeErr := a.authorize(r); authorizeErr != nil {
		return nil, authorizeErr
	}
	// Of a GET, the service reads the query. A body would be ignored there, or read by
	// another server as a form that nothing was taken out of; so it is not passed on.
	inQuery := a.endpoint.Params && a.client == nil || a.ignoresBody()
	if !inQuery && form.IsCoded(r.Header["Content-Encoding"]) {
		return nil, errContentEncoding
	}
	drop(r.Header, "Content-Encoding") // it names no coding, as `identity` or `utf-8`, or is of a body that is not passed on
	if inQuery {
		return nil, a.editQuery(r)
	}
	var body *multipartBody
	switch {
	case err != nil:
		return nil, err
	case contentType.Media == form.MediaMultipart && a.client == nil:
		return nil, form.ErrUnexpectedEnd // without a body nothing would be edited, and the head pass unsigned
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

// setContentType replaces the Content-Type of a form by one that can be read in a single
// way. With two boundaries in it, say, the service could take the other one, and find a
// form in the body that the editor has not seen.
func setContentType(header http.Header, contentType *form.ContentType) {
	isForm := contentType.Media == form.MediaMultipart || contentType.Media == form.MediaURLEncoded
	if isForm && !contentType.IsWritten(header["Content-Type"]) {
		setCloned(header, "Content-Type", contentType.String())
	}
}
