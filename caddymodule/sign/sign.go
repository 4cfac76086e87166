// SPDX-License-Identifier: Apache-2.0

// Package sign signs requests to the Upload API as they pass: each leaves with one
// fresh credential and none of the client's. A request that cannot be signed is
// refused, in the client's dialect, and never passed on unsigned; one whose credential
// the service rejects is sent again with another, if its body is at hand.
//
// It has two handlers: http.handlers.uploadcare_sign, and http.handlers.uploadcare_signature,
// which hands the same signatures out to clients that can sign by themselves.
package sign

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

func init() {
	caddy.RegisterModule(Sign{})
}

// Sign puts a fresh credential into requests to Uploadcare's Upload API and
// takes out whatever credential the client sent. It edits an upload as it
// streams through to the next handler, usually `reverse_proxy`; the files in it
// are neither held nor changed. What is small is kept while it passes: a request
// whose credential the service does not take is sent again with another, if it
// has no body, a urlencoded one, or one of a known length up to 64 KiB.
//
// Signed are `POST /base/`, `/multipart/start/` and `/iframe/`, and `POST`, `GET` or
// `HEAD` of `/from_url/` and `/group/`, with any number of slashes; a method in lower
// case leaves in capitals. The request must name a configured project, as
// `UPLOADCARE_PUB_KEY` or `pub_key`, in its body or query. Whatever cannot be edited
// safely is refused, and never passed on unsigned. All other requests pass, but for
// the headers `Cookie` and `Authorization`: they belong to the site that the request
// came to, not to Uploadcare. If an upstream repeats the fresh credential in a header
// of its response, `REDACTED` takes its place.
//
// A project's token is cached until its threshold before expiry, and the cache
// survives reloads.
//
// A refusal is answered in the dialect that the client asks for. If the site has
// error routes, they answer, with the placeholders of errors and one more:
//
// Placeholder | Description
// ------------|-------------
// `{http.uploadcare.error_code}` | The name of the error, such as `ProjectPublicKeyInvalidError`
type Sign struct {
	// The projects whose uploads are signed. Default: one, with the public and
	// secret keys from the environment variables `UPLOADCARE_PUBLIC_KEY` and
	// `UPLOADCARE_SECRET_KEY`.
	Projects []*project.Project `json:"projects,omitempty"`

	// The origins whose pages may use the gateway, besides those of its own
	// host, such as `https://www.example.com`. They may have any scheme, as
	// `capacitor://localhost` has; `https://*.example.com` is all hosts below
	// that domain, at any depth, but not `https://example.com` itself; and
	// `null` is pages without an origin. If there are any, preflights are
	// answered here, requests of pages on other origins are refused, and
	// answers can be read by the page's origin alone, also to requests with cookies
	// or passwords (but not from `null`, which any page can be). Requests that name
	// no origin pass, but not to a signed endpoint if the browser says that another
	// site sent them. Default: none, preflights pass to the upstream and CORS is
	// its business.
	CORS []string `json:"cors,omitempty"`

	gateway
	unknown  project.UploadCounters
	loopMark string
	offsets  *offsets
}

// CaddyModule returns the Caddy module information.
func (Sign) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_sign",
		New: func() caddy.Module { return new(Sign) },
	}
}

// Provision loads the projects' sources and acquires their token caches.
func (s *Sign) Provision(ctx caddy.Context) error { return s.provision(ctx, ctx.Logger()) }

func (s *Sign) provision(ctx caddy.Context, logger *zap.Logger) error {
	s.loopMark = newLoopMark()
	s.offsets = newOffsets()
	s.unknown = project.UnknownUploads()
	if len(s.Projects) == 0 {
		s.Projects = []*project.Project{new(project.Project)}
	}
	return s.gateway.provision(ctx, logger, s.Projects, s.CORS)
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Sign) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if answerRefused(w, r) {
		return nil
	}
	endpoint := uploadapi.Signed(r.Method, r.URL.Path)
	var grantors project.Grantors
	if endpoint != nil {
		grantors = s.projects.Grantors(r.Context()) // before what they depend on is taken out
	}
	hop.DropNominated(r.Header) // and before anything is put in
	// These are for the site that the request came to.
	delete(r.Header, "Authorization")
	delete(r.Header, "Cookie")

	if isLooped(r.Header, s.loopMark) {
		return s.turnAway(w, r, newIncomingBody(r), endpoint, errLoop)
	}
	r.Header[loopHeader] = append(r.Header[loopHeader], s.loopMark)

	incoming := newIncomingBody(r)
	answer := &answerWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, incoming: incoming}
	if s.origins.listed {
		origin, allowed := askingOrigin(r, s.origins)
		switch {
		case isPreflight(r) && origin != "":
			allowOrigin(w.Header(), origin, allowed)
			answerPreflight(w, r, allowed)
			incoming.drainAfter(w)
			return nil
		case !allowed && (origin != "" || endpoint != nil):
			return s.turnAway(w, r, incoming, endpoint, fmt.Errorf("origin %q: %w", origin, errOrigin))
		}
		answer.cors, answer.origin, answer.allowed = true, origin, allowed
	}
	if incoming != nil {
		r.Body = incoming
	}
	if endpoint != nil {
		return s.sign(answer, r, next, endpoint, grantors)
	}
	return s.pass(answer, r, next)
}

// turnAway refuses a request before it is known which project it is for.
func (s *Sign) turnAway(w http.ResponseWriter, r *http.Request, incoming *incomingBody, endpoint *uploadapi.SignedEndpoint, err error) error {
	if endpoint != nil {
		s.unknown.Refused(endpoint)
	}
	return s.refuse(w, r, incoming, newRefusal(err))
}

// sign passes a request to a signed endpoint on, signed, or refuses it. If the
// service does not take the credential, it may do so again with another.
func (s *Sign) sign(answer *answerWriter, r *http.Request, next caddyhttp.Handler, endpoint *uploadapi.SignedEndpoint, grantors project.Grantors) error {
	defer answer.incoming.recycle()
	upload := newUpload(s, r, endpoint, grantors, answer)
	attempt := &upload.first
	if err := attempt.prepare(r); err != nil {
		refusal := newRefusal(err)
		attempt.countRefused(refusal)
		return s.refuse(answer.ResponseWriter, r, answer.incoming, refusal)
	}
	answer.signed = true
	defer answer.release() // the proxy panics when an answer breaks off
	before := upload.snapshot(answer)
	for {
		refusal, err := attempt.send(answer, next)
		another := attempt.heal(answer, r, refusal != nil || err != nil)
		if another == nil {
			return s.finish(answer, r, attempt, refusal, err)
		}
		before.restore(answer, r.Context())
		answer.forget()
		attempt = another
	}
}

// finish ends a request with the answer that has come, or refuses it.
func (s *Sign) finish(answer *answerWriter, r *http.Request, attempt *attempt, refusal *refusal, err error) error {
	answer.release()
	answer.incoming.recycle()
	answer.sent.Header(answer.Header()) // of which trailers are still to be sent
	if !answer.begun && refusal != nil {
		attempt.countRefused(refusal)
		return s.refuse(answer.ResponseWriter, r, answer.incoming, refusal)
	}
	return answer.end(err)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Sign)(nil)
	_ caddy.CleanerUpper          = (*Sign)(nil)
	_ caddyhttp.MiddlewareHandler = (*Sign)(nil)
)
