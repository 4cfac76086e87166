// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// statusClientClosedRequest is what Caddy's proxy writes for a client that is gone.
	statusClientClosedRequest = handover.StatusClientClosedRequest

	// defaultRetryAfter is the Retry-After of a failure that may pass, if its cause
	// does not say when. Without one, some clients retry at once, and add to the load.
	defaultRetryAfter = 5 * time.Second
)

// errClientGone means that the client has closed the connection while the gateway waited
// for a credential or for memory.
var errClientGone = errors.New("client is gone")

// credentialError marks an error as that of a project's source, which is not the fault of
// the request.
type credentialError struct{ error }

// Unwrap returns the source's error.
func (e credentialError) Unwrap() error { return e.error }

// refusal is the response to a request that is not passed on, and the reason. As an error
// it passes through the proxy, which reads the body and returns the body's error.
type refusal struct {
	response   *uploadapi.Error // nil if the client is gone
	cause      error
	retryAfter time.Duration // 0 if a retry would fail again
	requestID  string        // of the response
	record     *record       // of the upload; nil if the request is not one
}

// newRefusal returns the refusal for an error of reading, editing or signing a request.
// Any error that it does not know is taken for one of the client's connection, and the client
// to be gone.
func newRefusal(err error) *refusal {
	var response *uploadapi.Error
	var retryAfter time.Duration
	var tooLarge *http.MaxBytesError
	var handlerError caddyhttp.HandlerError
	var credential credentialError
	switch {
	case errors.As(err, &response):
	case errors.Is(err, errClientGone):
	case errors.As(err, &credential) && errors.Is(err, token.ErrRefused):
		response = errCredentialRefused
	case errors.As(err, &credential), errors.Is(err, form.ErrLengthMismatch):
		response, retryAfter = errCredential, defaultRetryAfter
		if unavailable, ok := errors.AsType[*token.UnavailableError](err); ok {
			retryAfter = unavailable.RetryAfter
		}
	case errors.Is(err, memory.ErrFull):
		response, retryAfter = errMemory, defaultRetryAfter
	case errors.Is(err, form.ErrNotMultipart):
		response = errContentType
	case errors.Is(err, form.ErrCharset):
		response = errCharset
	case errors.As(err, &tooLarge):
		response = uploadapi.ErrRequestSizeLimit
	case errors.As(err, &handlerError) && handlerError.StatusCode != 0:
		response = &uploadapi.Error{Status: handlerError.StatusCode, Code: codeBodyError, Message: http.StatusText(handlerError.StatusCode)}
	case form.IsFormError(err):
		response = parserFailed(err)
	case errors.Is(err, form.ErrClosed): // the proxy retries with a body that it has closed before
		response = errUpstream
	case errors.Is(err, os.ErrDeadlineExceeded):
		response = errTimeout
	}
	return &refusal{response: response, cause: err, retryAfter: retryAfter}
}

// parserFailed returns the service's error for requests that it cannot parse, with the
// reason.
func parserFailed(err error) *uploadapi.Error {
	return &uploadapi.Error{
		Status: uploadapi.ErrParserFailed.Status, Code: uploadapi.ErrParserFailed.Code,
		Message: "HTTP POST request parsing failed: " + err.Error() + ".",
	}
}

// Error implements error.
func (r *refusal) Error() string { return r.cause.Error() }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.cause }

// Is makes a refusal look like a cancelled request to the proxy. Otherwise a body that
// cannot be passed on would count as a failure of the upstream, which passive health
// checks take out of service, and be retried with the next upstream.
func (r *refusal) Is(target error) bool { return target == context.Canceled }

// upstreamFailure returns the refusal for an error with which reverse_proxy reports that
// the upstream cannot be reached, or broke off: 502 to 504. It is nil for other errors,
// which other handlers return on purpose, such as a 403, and the site's error routes or
// the server respond to.
func upstreamFailure(err error) *refusal {
	if err == nil {
		return nil
	}
	var handlerError caddyhttp.HandlerError
	if !errors.As(err, &handlerError) || handlerError.StatusCode < http.StatusBadGateway || handlerError.StatusCode > http.StatusGatewayTimeout {
		return nil
	}
	if handlerError.Err != nil { // without the place in Caddy's source
		err = handlerError.Err
	}
	return &refusal{cause: err, response: &uploadapi.Error{Status: handlerError.StatusCode, Code: errUpstream.Code, Message: errUpstream.Message}}
}

// redactError returns the next handlers' error without a credential in its text, which
// Caddy logs and error routes can show: the error of a failed connection quotes the URL,
// and so the signature in its query. Its status stays, by which error routes match.
func redactError(credential *redact.Credential, err error) error {
	if err == nil || credential.Text(err.Error()) == err.Error() {
		return err
	}
	var handlerError caddyhttp.HandlerError
	if !errors.As(err, &handlerError) {
		return credential.Error(err)
	}
	handlerError.Err = credential.Error(handlerError.Err)
	return handlerError
}
