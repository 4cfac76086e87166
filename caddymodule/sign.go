// SPDX-License-Identifier: Apache-2.0

// Package caddymodule signs uploads to Uploadcare as they pass through Caddy.
// Clients that know nothing of Secure Uploading, or sign in a way of long ago,
// send their uploads here as they always did; what goes on to the Upload API
// carries one fresh credential and none of theirs.
package caddymodule

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func init() {
	caddy.RegisterModule(Sign{})
}

// Sign puts a fresh credential into requests to Uploadcare's Upload API and
// takes out whatever credential the client sent. It edits an upload as it
// streams through to the next handler, usually `reverse_proxy`; the files in it
// are neither held nor changed.
//
// Signed are `POST /base/`, `/multipart/start/`, `/group/` and `/iframe/`, and
// `POST` or `GET /from_url/`, with any number of slashes. The request must name
// a configured project, as `UPLOADCARE_PUB_KEY` or `pub_key`, in its body or
// query. Whatever cannot be edited safely is refused, and never passed on
// unsigned. All other requests pass, but for the headers `Cookie` and
// `Authorization`: they belong to the site that the request came to, not to
// Uploadcare.
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
	Projects []*Project `json:"projects,omitempty"`

	// The origins whose pages may use the gateway, besides those of its own
	// host, such as `https://www.example.com`. If there are any, preflights are
	// answered here, requests of pages on other origins are refused, and
	// answers can be read by the page's origin alone. Requests that name no
	// origin pass, but not to a signed endpoint if the browser says that another
	// site sent them. Default: none, preflights pass to the upstream and CORS is
	// its business.
	CORS []string `json:"cors,omitempty"`

	projects map[string]*Project // by public key
	loopMark string
	logger   *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (Sign) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_sign",
		New: func() caddy.Module { return new(Sign) },
	}
}

// Provision loads the projects' sources and acquires their token caches.
func (s *Sign) Provision(ctx caddy.Context) error {
	s.logger = ctx.Logger()
	s.loopMark = newLoopMark()
	if len(s.Projects) == 0 {
		s.Projects = []*Project{new(Project)}
	}
	var err error
	s.projects, err = provisionProjects(ctx, s.Projects)
	return err
}

// Validate checks the origins.
func (s *Sign) Validate() error { return checkOrigins(s.CORS) }

// Cleanup gives the token caches back.
func (s *Sign) Cleanup() error {
	for _, project := range s.Projects {
		if err := project.release(); err != nil {
			return fmt.Errorf("giving back the token cache of project %s: %w", project.PublicKey, err)
		}
	}
	return nil
}

// project returns the project that a public key names, or nil.
func (s *Sign) project(publicKey string) *Project {
	if project, ok := s.projects[publicKey]; ok {
		return project
	}
	return s.projects[anyProject]
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Sign) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	// These are for the site that the request came to.
	r.Header.Del("Authorization")
	r.Header.Del("Cookie")

	if isLooped(r.Header, s.loopMark) {
		return s.refuse(w, r, newIncomingBody(r), newRefusal(errLoop))
	}
	r.Header.Add(loopHeader, s.loopMark)

	endpoint := uploadapi.Signed(r.Method, r.URL.Path)
	incoming := newIncomingBody(r)
	answer := &answerWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, incoming: incoming}
	if len(s.CORS) > 0 {
		origin, allowed := askingOrigin(r, s.CORS)
		switch {
		case isPreflight(r) && origin != "":
			allowOrigin(w.Header(), origin)
			answerPreflight(w, r, allowed)
			return nil
		case !allowed && (origin != "" || endpoint != nil):
			return s.refuse(w, r, incoming, newRefusal(fmt.Errorf("origin %q: %w", origin, errOrigin)))
		}
		answer.origin = origin
	}
	if incoming != nil {
		r.Body = incoming
	}
	if endpoint != nil {
		return s.sign(answer, r, next, endpoint)
	}
	err := next.ServeHTTP(answer, r)
	if refusal := upstreamFailure(err); refusal != nil && !answer.begun {
		return s.refuse(answer.ResponseWriter, r, incoming, refusal)
	}
	return err
}

// sign passes a request to a signed endpoint on, signed, or refuses it.
func (s *Sign) sign(answer *answerWriter, r *http.Request, next caddyhttp.Handler, endpoint *uploadapi.SignedEndpoint) error {
	upload := &upload{sign: s, endpoint: endpoint, ctx: r.Context(), query: r.URL.RawQuery, incoming: answer.incoming}
	// A copy, so that a fresh credential in the query is not what placeholders
	// and error routes show of the request.
	signed, signedURL := *r, *r.URL
	signed.URL = &signedURL
	body, err := upload.edit(&signed)
	if err != nil {
		return s.refuse(answer.ResponseWriter, r, answer.incoming, newRefusal(err))
	}
	answer.signed = true
	if body != nil {
		// An answer that comes before the body is through is not held back
		// until it is. Later versions of HTTP need no such thing and say so.
		_ = http.NewResponseController(answer).EnableFullDuplex()
		answer.body = body
	}
	err = next.ServeHTTP(answer, &signed)
	var refusal *refusal
	if body != nil {
		refusal = body.refusal.Load()
		_ = body.Close() // the proxy gets nothing more of it
	}
	if refusal == nil {
		refusal = upstreamFailure(err)
	}
	switch {
	case answer.begun && answer.incoming.left():
		_ = http.NewResponseController(answer).Flush()
		answer.incoming.drain(answer)
	case !answer.begun && refusal != nil:
		return s.refuse(answer.ResponseWriter, r, answer.incoming, refusal)
	}
	return err
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Sign)(nil)
	_ caddy.Validator             = (*Sign)(nil)
	_ caddy.CleanerUpper          = (*Sign)(nil)
	_ caddyhttp.MiddlewareHandler = (*Sign)(nil)
)
