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
	// origin pass. Default: none, preflights pass to the upstream and CORS is
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
		return s.refuse(w, r, newRefusal(errLoop))
	}
	r.Header.Add(loopHeader, s.loopMark)

	answer := &answerWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	if origin := r.Header.Get("Origin"); origin != "" && len(s.CORS) > 0 {
		allowed := mayRead(r, origin, s.CORS)
		switch {
		case isPreflight(r):
			answerPreflight(w, r, origin, allowed)
			return nil
		case !allowed:
			return s.refuse(w, r, newRefusal(fmt.Errorf("origin %q: %w", origin, errOrigin)))
		}
		answer.origin = origin
	}
	if endpoint := uploadapi.Signed(r.Method, r.URL.Path); endpoint != nil {
		return s.sign(answer, r, next, endpoint)
	}
	return next.ServeHTTP(answer, r)
}

// sign passes a request to a signed endpoint on, signed, or refuses it.
func (s *Sign) sign(answer *answerWriter, r *http.Request, next caddyhttp.Handler, endpoint *uploadapi.SignedEndpoint) error {
	upload := &upload{sign: s, endpoint: endpoint, ctx: r.Context(), query: r.URL.RawQuery}
	waits := r.Header.Get("Expect") != "" // for a first read, before it sends its body
	rest := func() {}                     // reads off what is left of the body
	if source := r.Body; source != nil && !waits {
		rest = func() { drain(source) }
	}
	body, err := upload.edit(r)
	if err != nil {
		return s.refuseInMidUpload(answer, r, newRefusal(err), rest)
	}
	if body != nil {
		// An answer that comes before the body is through is not held back
		// until it is. Later versions of HTTP need no such thing and say so.
		_ = http.NewResponseController(answer).EnableFullDuplex()
		answer.body, rest = body, body.drain
	}
	err = next.ServeHTTP(answer, r)
	var refusal *refusal
	if body != nil {
		refusal = body.refusal.Load()
	}
	if refusal == nil {
		refusal = upstreamFailure(err)
	}
	switch {
	case refusal != nil && !answer.begun:
		return s.refuseInMidUpload(answer, r, refusal, rest)
	case body != nil && r.ProtoMajor == 1:
		_ = http.NewResponseController(answer).Flush()
		rest()
	}
	return err
}

// refuseInMidUpload refuses a request of whose body something may be left.
func (s *Sign) refuseInMidUpload(answer *answerWriter, r *http.Request, refusal *refusal, rest func()) error {
	if r.ProtoMajor > 1 {
		// The stream ends with the answer. Some clients do not look for one
		// until they have sent all, and would lose it then.
		rest()
		return s.refuse(answer.ResponseWriter, r, refusal)
	}
	err := s.refuse(answer.ResponseWriter, r, refusal)
	rest()
	return err
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Sign)(nil)
	_ caddy.Validator             = (*Sign)(nil)
	_ caddy.CleanerUpper          = (*Sign)(nil)
	_ caddyhttp.MiddlewareHandler = (*Sign)(nil)
)
