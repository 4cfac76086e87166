// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// errorCodePlaceholder tells error routes what they cannot see in {err.*}.
const errorCodePlaceholder = "http.uploadcare.error_code"

// requestIDHeader is what the service calls the identifier of a request.
const requestIDHeader = "X-Uploadcare-Request-Id"

// refuse answers for the upstream. incoming is the body that the client may
// still be sending.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, incoming *incomingBody, refusal *refusal) error {
	if refusal.answer == nil {
		if check := g.logger.Check(zapcore.DebugLevel, "client went away"); check != nil {
			check.Write(zap.Error(refusal.cause))
		}
		w.WriteHeader(statusClientClosedRequest)
		return nil
	}
	if r.ProtoMajor > 1 {
		// The stream ends with the answer. Some clients do not look for one
		// until they have sent all, and would lose it then.
		incoming.drain(w)
	}
	header := w.Header()
	requestID := uuid.NewString()
	header.Set(requestIDHeader, requestID)
	if refusal.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.retryAfter.Seconds()))))
	}
	g.setCORS(header, r)
	g.logRefusal(r, refusal, requestID)
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		replacer.Set(errorCodePlaceholder, refusal.answer.Code)
	}
	answer := &answerWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, incoming: incoming}
	if g.origins.listed { // error routes may pass on what another upstream allows
		answer.cors = true
		answer.origin, answer.allowed = askingOrigin(r, g.origins)
	}
	_ = answerByErrorRoutes(answer, r, refusal.answer)
	if !answer.begun && !answer.hijacked { // the error routes failed themselves, or said nothing
		answer.forget()
		refusal.answer.Write(answer, r)
	}
	if r.ProtoMajor == 1 {
		incoming.drainAfter(w)
	}
	return nil
}

// answerByErrorRoutes lets the error routes of the server answer. They may be
// another site's, or for other errors; what they do not answer is told in the
// client's dialect.
func answerByErrorRoutes(w http.ResponseWriter, r *http.Request, answer *uploadapi.Error) error {
	tell := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		answer.Write(w, r)
		return nil
	})
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Errors == nil || r.Context().Value(caddyhttp.ErrorCtxKey) != nil {
		return tell(w, r) // not by error routes from within: they would come here again
	}
	err := caddyhttp.Error(answer.Status, errors.New(answer.Message))
	r = server.Errors.WithError(r.WithContext(context.WithValue(r.Context(), refusedKey{}, answer)), err)
	return server.Errors.Routes.Compile(tell).ServeHTTP(w, r)
}

// refusedKey is the context's key of an error that error routes are to answer. If
// they lead to the gateway again, there is nothing to be uploaded any more: what has
// been read of the body is gone.
type refusedKey struct{}

// answerRefused answers a request that was refused before, and reports whether it was.
func answerRefused(w http.ResponseWriter, r *http.Request) bool {
	refused, ok := r.Context().Value(refusedKey{}).(*uploadapi.Error)
	if ok {
		refused.Write(w, r)
	}
	return ok
}

func (g *gateway) logRefusal(r *http.Request, refusal *refusal, requestID string) {
	level := zapcore.WarnLevel
	switch {
	case refusal.answer.Status >= http.StatusInternalServerError:
		level = zapcore.ErrorLevel
	case refusal.answer == errIncomplete: // which is as common as networks that fail
		level = zapcore.InfoLevel
	}
	if check := g.logger.Check(level, "upload refused"); check != nil {
		check.Write(
			zap.Int("status", refusal.answer.Status),
			zap.String("error_code", refusal.answer.Code),
			zap.String("reason", refusal.answer.Message),
			zap.NamedError("cause", refusal.cause),
			zap.String("client_ip", clientIP(r)),
			zap.String("request_id", requestID),
		)
	}
}

// clientIP returns the client's address as Caddy's trusted_proxies have it.
func clientIP(r *http.Request) string {
	if ip, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		return ip
	}
	return r.RemoteAddr
}
