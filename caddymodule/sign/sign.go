// SPDX-License-Identifier: Apache-2.0

// Package sign signs requests to the Upload API as they pass: each leaves with one
// fresh credential and none of the client's. A request that cannot be signed is
// refused, in the client's dialect, and never passed on unsigned. One whose credential
// the service rejects is retried with another, if its body was kept.
//
// It has two handlers: http.handlers.uploadcare_sign, and http.handlers.uploadcare_signature,
// which hands the same signatures out to clients that can sign by themselves.
//
// A form is not held: it is edited while the proxy reads it, and the credential is put in
// after the client's last byte. So a request that cannot be signed may fail as late as
// that. The error is then one of the body's Read, which breaks the request to the upstream
// off, and the refusal takes the place of the proxy's own response.
package sign

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/tracing"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

func init() {
	caddy.RegisterModule(Sign{})
}

// Sign puts a fresh credential into requests to Uploadcare's Upload API and removes any
// credential that the client has sent. An upload is edited while it streams to the next
// handler, usually `reverse_proxy`; the files in it are neither stored nor changed. A
// request whose credential the service rejects is retried with another one, if it has no
// body, a urlencoded one, or one of a known length up to 64 KiB, which is buffered while
// it passes.
//
// Requests to these endpoints are signed: `POST /base/`, `POST /multipart/start/` and
// `POST /iframe/`, and `POST`, `GET` or `HEAD` of `/from_url/` and `/group/`. Any number of
// slashes, escapes, dot segments and a method in lower case mean the same, and the path is
// passed on as it stands here, the method in capitals. The request must name a configured project, as `UPLOADCARE_PUB_KEY` or `pub_key`, in its
// body or query. A request that cannot be edited safely is refused, and never passed on
// unsigned. All other requests are passed on unsigned. The headers `Cookie` and
// `Authorization` are removed from all of them: they belong to the site that the request
// came to, not to Uploadcare. Trailers are removed, too. If the upstream repeats the fresh credential in a header of
// its response, `REDACTED` takes its place.
//
// A project's credential is cached until the project's threshold before it expires, and
// the cache survives reloads.
//
// A refusal is in the format that the client asks for: plain text, or JSON with
// `jsonerrors`. If the site has error routes (`handle_errors`), they respond instead,
// with the placeholders of errors and one more:
//
// Placeholder | Description
// ------------|-------------
// `{http.uploadcare.error_code}` | The name of the error, such as `ProjectPublicKeyInvalidError`
type Sign struct {
	// The projects whose uploads are signed, by different public keys. Default: one
	// project, with the public and secret keys from the environment variables
	// `UPLOADCARE_PUBLIC_KEY` and `UPLOADCARE_SECRET_KEY`.
	Projects []*project.Project `json:"projects,omitempty"`

	// The origins whose pages may use the gateway, such as `https://www.example.com`,
	// besides those of the gateway's own host. Any scheme is possible, as in
	// `capacitor://localhost`. `https://*.example.com` means all hosts below that
	// domain, at any depth, but not `https://example.com` itself. `null` means pages
	// without an origin.
	//
	// If any are set, the gateway responds to preflights itself, refuses requests from
	// pages of other origins, and lets only the page's origin read a response, also to
	// requests with cookies or passwords (except from `null`, as any page can get that
	// origin). Requests without an origin are passed on, except to a signed endpoint if
	// the browser says that another site has sent them.
	//
	// Default: none; preflights are passed on, and CORS is left to the upstream.
	CORS []string `json:"cors,omitempty"`

	// Whether the trace of an upload is passed on to the service, in the headers
	// `Traceparent` and `Tracestate`, if Caddy's handler `tracing` has begun one.
	// A client's own are removed, as are those of other ways to pass a trace on.
	// Default: `false`.
	TraceUpstream bool `json:"trace_upstream,omitempty"`

	// How many bytes all HTTP/2 connections together may hold beyond the 1 MiB that each
	// of them may anyway, so that clients far away can have more on their way. -1 leaves
	// the windows of HTTP/2 as they are. It concerns all sites of a server that has this
	// handler, and the largest value of a config counts. Default: 62914560 (60 MiB).
	HTTP2Windows int64 `json:"http2_windows,omitempty"`

	gateway
	withdrawWindows func() // nil if it has none
	unknown         project.UploadsMetrics
	loopMark        string
	offsets         *offsets
	policies        policies
}

// CaddyModule returns the Caddy module information.
func (Sign) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_sign",
		New: func() caddy.Module { return new(Sign) },
	}
}

// Provision loads the projects' sources and acquires their token caches. No source is
// asked for a credential before the first upload. The log says on whose behalf uploads are
// signed.
func (s *Sign) Provision(ctx caddy.Context) error {
	s.loopMark = newLoopMark()
	s.offsets = newOffsets()
	s.unknown = project.UnknownUploads(refusalCodes)
	if len(s.Projects) == 0 {
		s.Projects = []*project.Project{new(project.Project)}
	}
	if err := s.provision(ctx, s.Projects, s.CORS); err != nil {
		return err
	}
	s.policies = newPolicies(&s.projects)
	if err := s.join(peer{config: ctx.GetMetricsRegistry(), hasPolicy: s.projects.HasPolicy}); err != nil {
		return err
	}
	s.provisionWindows(ctx)
	provisionStop(ctx)
	s.projects.LogCallers("uploads to the project are signed")
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Sign) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if respondIfRefused(w, r) {
		return nil
	}
	endpoint := uploadapi.Signed(r.Method, r.URL.Path) // nil if r is not to be signed
	var caller caller
	if endpoint != nil {
		if err := refuseEarlyData(r); err != nil {
			return err
		}
		underWay.Add(1)
		defer underWay.Add(-1)
		// A resolver may be asked with headers of the request, and forced fields depend
		// on them, which are removed below.
		caller.grantors = s.projects.Grantors(r.Context())
		caller.forced = s.projects.Forced(r.Context(), endpoint)
		caller.bearer = bearerOf(r.Header)
	}
	// A client can name any header in Connection, and so have the proxy remove it
	// (RFC 9110, section 7.6.1): also one that is put in below, if this came later.
	hop.DropNominated(r.Header)
	// These are for the site that the request came to. Uploadcare would get a session's
	// cookie, or a password, and takes a foreign Authorization for a broken token.
	drop(r.Header, "Authorization")
	drop(r.Header, "Cookie")
	// A trailer comes after that, with fields of any name. The service reads none, and a
	// proxy may discard it (RFC 9110, section 6.5.1).
	r.Trailer = nil
	tracing.Remove(r.Header)

	incoming := newIncomingBody(r)
	response := newResponseWriter(w, incoming)
	if isLooped(r.Header, s.loopMark) {
		return s.refuseEarly(response, r, endpoint, errLoop)
	}
	r.Header[loopHeader] = append(r.Header[loopHeader], s.loopMark)
	if r.Method == http.MethodConnect {
		// The GET that a tunnel becomes would leave unsigned.
		if tunnel := uploadapi.Signed(http.MethodPost, r.URL.Path); tunnel != nil || incoming != nil && !becomesWebSocket(r) {
			return s.refuseEarly(response, r, nil, uploadapi.MethodNotAllowed(r.Method, r.URL.Path))
		}
	}

	if s.origins.listed {
		origin, allowed := requestOrigin(r, s.origins)
		switch {
		case isPreflight(r) && origin != "": // also of an origin that is not allowed
			allowOrigin(w.Header(), origin, allowed)
			respondToPreflight(response, r, allowed)
			return response.end(nil)
		case !allowed && (origin != "" || endpoint != nil):
			return s.refuseEarly(response, r, endpoint, fmt.Errorf("origin %q: %w", origin, errOrigin))
		}
		response.cors, response.origin, response.allowed = true, origin, allowed
	}
	if incoming != nil {
		r.Body = incoming
	}
	if endpoint != nil {
		return s.sign(response, r, next, endpoint, caller)
	}
	return s.pass(response, r, next)
}

// drop deletes a field of a header. Nearly always it is not there, which is cheaper to see
// than to delete.
func drop(header http.Header, name string) {
	if header[name] != nil {
		delete(header, name)
	}
}

// caller is what an upload gets by the request's headers and variables.
type caller struct {
	grantors project.Grantors
	forced   []project.Forced
	bearer   string // a client's own credential, if it is one
}

// refuseEarly refuses a request whose project is not known, since its body was not read.
func (s *Sign) refuseEarly(response *responseWriter, r *http.Request, endpoint *uploadapi.SignedEndpoint, err error) error {
	refusal := newRefusal(err)
	if endpoint == nil { // no upload, and so without an outcome
		return s.refuse(response.ResponseWriter, r, response.incoming, refusal)
	}
	upload := newUpload(s, r, endpoint, caller{}, response)
	defer upload.conclude(r, response)
	return upload.refuse(response, r, refusal)
}

// sign signs a request to a signed endpoint and passes it on, or refuses it. If the
// service rejects the credential, it may be retried with another.
func (s *Sign) sign(response *responseWriter, r *http.Request, next caddyhttp.Handler, endpoint *uploadapi.SignedEndpoint, caller caller) error {
	defer response.incoming.recycle()
	upload := newUpload(s, r, endpoint, caller, response)
	defer upload.conclude(r, response)
	attempt := upload.last
	if err := attempt.prepare(r); err != nil {
		return upload.refuse(response, r, newRefusal(err))
	}
	response.signed = true
	// The proxy panics with http.ErrAbortHandler if a response breaks off. What is held
	// back of it then goes to the client, which would otherwise get no status at all.
	defer response.release()

	upload.remember(response)
	for {
		refusal, err := attempt.send(response, next)
		another := attempt.heal(response, r, refusal != nil || err != nil)
		if another == nil {
			return s.finish(response, r, attempt, refusal, err)
		}
		upload.before.restore(response, r.Context())
		response.reset()
		attempt, upload.last = another, another
	}
}

// finish ends a request with the response to its last attempt, or refuses it.
func (s *Sign) finish(response *responseWriter, r *http.Request, attempt *attempt, refusal *refusal, err error) error {
	response.release()
	response.incoming.recycle()
	response.sent.Header(response.Header()) // its trailers are sent after this, and may repeat the credential
	if !response.begun && refusal != nil {
		return attempt.refuse(response, r, refusal)
	}
	attempt.ending.returned = true
	return response.end(err)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Sign)(nil)
	_ caddy.CleanerUpper          = (*Sign)(nil)
	_ caddyhttp.MiddlewareHandler = (*Sign)(nil)
)
