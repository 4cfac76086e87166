// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
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
	// statusClientClosedRequest is what Caddy says when the client went away.
	statusClientClosedRequest = handover.StatusClientClosedRequest

	// defaultRetryAfter is how long a client waits before it tries again, if
	// nothing better is known.
	defaultRetryAfter = 5 * time.Second
)

// errClientGone means that a client did not wait for its credential.
var errClientGone = errors.New("client is gone")

// credentialError marks an error of a project's source.
type credentialError struct{ error }

func (e credentialError) Unwrap() error { return e.error }

// refusal is why a request is not passed on.
type refusal struct {
	answer     *uploadapi.Error // nil when there is nobody to answer
	cause      error
	retryAfter time.Duration // 0 if there is no point in it
}

// newRefusal tells what to answer when a body ends with err.
func newRefusal(err error) *refusal {
	var answer *uploadapi.Error
	var retryAfter time.Duration
	var tooLarge *http.MaxBytesError
	var handlerError caddyhttp.HandlerError
	var credential credentialError
	switch {
	case errors.As(err, &answer):
	case errors.Is(err, errClientGone):
	case errors.As(err, &credential) && errors.Is(err, token.ErrRefused):
		answer = errCredentialRefused
	case errors.As(err, &credential), errors.Is(err, form.ErrLengthMismatch):
		answer, retryAfter = errCredential, defaultRetryAfter
		if unavailable, ok := errors.AsType[*token.UnavailableError](err); ok {
			retryAfter = unavailable.RetryAfter
		}
	case errors.Is(err, memory.ErrFull):
		answer, retryAfter = errMemory, defaultRetryAfter
	case errors.Is(err, form.ErrNotMultipart):
		answer = errContentType
	case errors.Is(err, form.ErrCharset):
		answer = errCharset
	case errors.As(err, &tooLarge):
		answer = uploadapi.ErrRequestSizeLimit
	case errors.As(err, &handlerError) && handlerError.StatusCode != 0:
		answer = &uploadapi.Error{Status: handlerError.StatusCode, Code: "GatewayBodyError", Message: http.StatusText(handlerError.StatusCode)}
	case form.IsFormError(err):
		answer = parserFailed(err)
	case errors.Is(err, form.ErrClosed): // the proxy tries again with what it closed
		answer = errUpstream
	case errors.Is(err, os.ErrDeadlineExceeded):
		answer = errTimeout
	case strings.Contains(err.Error(), "chunk"): // net/http has no name for it
		answer = parserFailed(err)
	}
	return &refusal{answer: answer, cause: err, retryAfter: retryAfter}
}

// parserFailed says in what way a request cannot be read.
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

// Is makes a refusal look like a cancelled request to the proxy: what is wrong
// with the client's body is not held against the upstream's health, and is not
// tried again.
func (r *refusal) Is(target error) bool { return target == context.Canceled }

// upstreamFailure returns the refusal for a next handler that returned an error
// instead of an answer, because the upstream cannot be reached or broke off. It
// is nil for other errors.
func upstreamFailure(err error) *refusal {
	if err == nil {
		return nil
	}
	var handlerError caddyhttp.HandlerError
	if !errors.As(err, &handlerError) || handlerError.StatusCode < http.StatusBadGateway || handlerError.StatusCode > http.StatusGatewayTimeout {
		return nil
	}
	return &refusal{cause: err, answer: &uploadapi.Error{Status: handlerError.StatusCode, Code: errUpstream.Code, Message: errUpstream.Message}}
}

// redactError returns the error of the handlers that follow without a credential in
// it. What makes Caddy's status and error routes of it stays.
func redactError(credential *redact.Credential, err error) error {
	var handlerError caddyhttp.HandlerError
	if err == nil || credential.Text(err.Error()) == err.Error() {
		return err
	}
	if !errors.As(err, &handlerError) {
		return credential.Error(err)
	}
	handlerError.Err = credential.Error(handlerError.Err)
	return handlerError
}
