// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Refusals that the Upload API has no words for.
var (
	errContentType = &uploadapi.Error{
		Status: http.StatusUnsupportedMediaType, Code: "GatewayContentTypeError",
		Message: "Only multipart/form-data can be signed here.",
	}
	errContentEncoding = &uploadapi.Error{
		Status: http.StatusUnsupportedMediaType, Code: "GatewayContentEncodingError",
		Message: "A request with Content-Encoding cannot be signed.",
	}
	errPublicKeyConflict = &uploadapi.Error{
		Status: http.StatusBadRequest, Code: "GatewayPublicKeyConflictError",
		Message: "The request names more than one project.",
	}
	errCredential = &uploadapi.Error{
		Status: http.StatusServiceUnavailable, Code: "GatewayCredentialError",
		Message: "No credential can be had for this project now. Try again later.",
	}
	errTimeout = &uploadapi.Error{
		Status: http.StatusRequestTimeout, Code: "GatewayTimeoutError",
		Message: "The request did not arrive in time.",
	}
)

const (
	// statusClientClosedRequest is what Caddy says when the client went away.
	statusClientClosedRequest = 499

	// retryAfterCredential is how many seconds a client waits before it asks
	// for a credential again.
	retryAfterCredential = "5"
)

// credentialError marks an error of a project's source.
type credentialError struct{ error }

func (e credentialError) Unwrap() error { return e.error }

// refusal is why a request is not passed on.
type refusal struct {
	answer *uploadapi.Error // nil when there is nobody to answer
	cause  error
}

// newRefusal tells what to answer when a body ends with err.
func newRefusal(err error) *refusal {
	var answer *uploadapi.Error
	var tooLarge *http.MaxBytesError
	var handlerError caddyhttp.HandlerError
	var credential credentialError
	switch {
	case errors.As(err, &answer):
	case errors.As(err, &credential):
		answer = errCredential
		if errors.Is(err, context.Canceled) {
			answer = nil
		}
	case errors.Is(err, form.ErrNotMultipart):
		answer = errContentType
	case errors.As(err, &tooLarge):
		answer = uploadapi.ErrRequestSizeLimit
	case errors.As(err, &handlerError) && handlerError.StatusCode != 0:
		answer = &uploadapi.Error{Status: handlerError.StatusCode, Code: "GatewayBodyError", Message: http.StatusText(handlerError.StatusCode)}
	case form.IsFormError(err):
		answer = &uploadapi.Error{
			Status: uploadapi.ErrParserFailed.Status, Code: uploadapi.ErrParserFailed.Code,
			Message: "HTTP POST request parsing failed: " + err.Error() + ".",
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		answer = errTimeout
	case errors.Is(err, form.ErrLengthMismatch):
		answer = errCredential
	}
	return &refusal{answer: answer, cause: err}
}

// Error implements error.
func (r *refusal) Error() string { return r.cause.Error() }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.cause }

// Is makes a refusal look like a cancelled request to the proxy: what is wrong
// with the client's body is not held against the upstream's health, and is not
// tried again.
func (r *refusal) Is(target error) bool { return target == context.Canceled }

// refuse answers for the upstream. If the site has error routes, they do.
func (s *Sign) refuse(w http.ResponseWriter, r *http.Request, refusal *refusal) error {
	if refusal.answer == nil {
		if check := s.logger.Check(zapcore.DebugLevel, "client went away"); check != nil {
			check.Write(zap.Error(refusal.cause))
		}
		w.WriteHeader(statusClientClosedRequest)
		return nil
	}
	level := zapcore.WarnLevel
	if refusal.answer.Status >= http.StatusInternalServerError {
		level = zapcore.ErrorLevel
	}
	if check := s.logger.Check(level, "upload refused"); check != nil {
		check.Write(
			zap.Int("status", refusal.answer.Status),
			zap.String("error_code", refusal.answer.Code),
			zap.String("reason", refusal.answer.Message),
			zap.NamedError("cause", refusal.cause),
			zap.String("client", r.RemoteAddr),
		)
	}
	// Otherwise the server waits for the rest of an HTTP/1.1 body before it
	// answers, and a client that waits for 100 Continue waits for ever. Other
	// versions need no such thing and say so.
	_ = http.NewResponseController(w).EnableFullDuplex()

	header := w.Header()
	if refusal.answer == errCredential {
		header.Set("Retry-After", retryAfterCredential)
	}
	uploadapi.SetCORS(header, "POST, OPTIONS")
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if ok && server.Errors != nil && len(server.Errors.Routes) > 0 {
		return caddyhttp.Error(refusal.answer.Status, errors.New(refusal.answer.Message))
	}
	refusal.answer.Write(w, r)
	return nil
}
