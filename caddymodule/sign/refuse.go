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

// errorCodePlaceholder has the error's code for error routes: {err.*} has the status and
// the message alone.
const errorCodePlaceholder = "http.uploadcare.error_code"

// requestIDHeader is the service's header with the identifier of a request, by which a
// user's report of an error is found in the log.
const requestIDHeader = "X-Uploadcare-Request-Id"

// refuse responds in place of the upstream. incoming is the body that the client may
// still be sending, or nil.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, incoming *incomingBody, refusal *refusal) error {
	if refusal.response == nil {
		if check := g.logger.Check(zapcore.DebugLevel, "client went away"); check != nil {
			check.Write(zap.Error(refusal.cause))
		}
		w.WriteHeader(statusClientClosedRequest)
		return nil
	}
	if r.ProtoMajor > 1 {
		// The stream ends with the response. Clients that read nothing before they
		// have sent all would see it reset, and lose the response, so the body is
		// discarded first. Over HTTP/1.1 the response can go ahead of that.
		incoming.drainBefore(w)
	}
	header := w.Header()
	if refusal.requestID == "" {
		refusal.requestID = uuid.NewString()
	}
	header.Set(requestIDHeader, refusal.requestID)
	if refusal.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.retryAfter.Seconds()))))
	}
	g.setCORS(header, r)
	g.logRefusal(r, refusal)
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		replacer.Set(errorCodePlaceholder, refusal.response.Code)
	}
	response := newResponseWriter(w, incoming)
	if g.origins.listed { // an error route may proxy to an upstream that sets CORS headers of its own
		response.cors = true
		response.origin, response.allowed = requestOrigin(r, g.origins)
	}
	_ = respondByErrorRoutes(response, r, refusal.response)
	if !response.begun && !response.hijacked { // the error routes failed, or wrote nothing
		response.reset()
		refusal.response.Write(response, r)
	}
	if r.ProtoMajor == 1 {
		incoming.drainAfter(w)
	}
	return nil
}

// respondByErrorRoutes has the server's error routes respond, as to any handler's error.
// The error is not returned to the server instead, as handlers usually do: routes that
// match none of the request would leave it with an empty response, which no SDK can show
// its user. What they do not handle is written in the client's dialect.
func respondByErrorRoutes(w http.ResponseWriter, r *http.Request, response *uploadapi.Error) error {
	write := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		response.Write(w, r)
		return nil
	})
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Errors == nil || r.Context().Value(caddyhttp.ErrorCtxKey) != nil {
		return write(w, r) // in an error route, they would come here again and again
	}
	err := caddyhttp.Error(response.Status, errors.New(response.Message))
	r = server.Errors.WithError(r.WithContext(context.WithValue(r.Context(), refusedKey{}, response)), err)
	return server.Errors.Routes.Compile(write).ServeHTTP(w, r)
}

// refusedKey is the context's key of the error that error routes are responding to. If a
// route leads to the gateway again, say by a reverse_proxy of the whole site, nothing can
// be uploaded: what was read of the body is gone, and the rest would be half a form.
type refusedKey struct{}

// respondIfRefused responds to a request that was refused before and came back through an
// error route, and reports whether it was.
func respondIfRefused(w http.ResponseWriter, r *http.Request) bool {
	refused, ok := r.Context().Value(refusedKey{}).(*uploadapi.Error)
	if ok {
		refused.Write(w, r)
	}
	return ok
}

// logRefusal logs a refusal, at a level by which an operator can filter: an error if the
// gateway or the service failed, a warning if the request was at fault.
func (g *gateway) logRefusal(r *http.Request, refusal *refusal) {
	level := zapcore.WarnLevel
	switch {
	case refusal.response.Status >= http.StatusInternalServerError:
		level = zapcore.ErrorLevel
	case refusal.response == errIncomplete: // as common as failing networks, and nothing to act upon
		level = zapcore.InfoLevel
	}
	if check := g.logger.Check(level, "upload refused"); check != nil {
		upstream := zap.Skip()
		if address := upstreamPlaceholder(r, "address"); address != "" && refusal.response.Code == errUpstream.Code {
			upstream = zap.String("upstream", address)
		}
		recorded := zap.Skip()
		if refusal.record != nil { // otherwise it was no upload
			recorded = zap.Object(recordName, refusal.record)
		}
		check.Write(
			zap.Int("status", refusal.response.Status),
			zap.String("error_code", refusal.response.Code),
			zap.String("reason", refusal.response.Message),
			zap.NamedError("cause", refusal.cause),
			upstream,
			zap.String("client_ip", clientIP(r)),
			zap.String("request_id", refusal.requestID),
			recorded,
		)
	}
}

// clientIP returns the client's address, of which Caddy's trusted_proxies decide whether
// the headers of a proxy in front count.
func clientIP(r *http.Request) string {
	if ip, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		return ip
	}
	return r.RemoteAddr
}
