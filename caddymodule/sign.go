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

// Sign puts a fresh credential into uploads to Uploadcare's Upload API and
// takes out whatever credential the client sent. It edits the request as it
// streams through to the next handler, usually `reverse_proxy`; the files in it
// are neither held nor changed.
//
// Signed are requests of `POST /base/`, with any number of slashes. They must
// be multipart/form-data and name a configured project in the form field
// `UPLOADCARE_PUB_KEY`; otherwise, and whenever a form cannot be edited
// safely, they are refused, and never passed on unsigned. All other requests
// pass, but for the headers `Cookie` and `Authorization`: they belong to the
// site that the request came to, not to Uploadcare.
//
// A project's token is cached until its threshold before expiry, and the cache
// survives reloads.
type Sign struct {
	// The projects whose uploads are signed. Default: one, with the public and
	// secret keys from the environment variables `UPLOADCARE_PUBLIC_KEY` and
	// `UPLOADCARE_SECRET_KEY`.
	Projects []*Project `json:"projects,omitempty"`

	projects map[string]*Project // by public key
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
	if len(s.Projects) == 0 {
		s.Projects = []*Project{new(Project)}
	}
	var err error
	s.projects, err = provisionProjects(ctx, s.Projects)
	return err
}

// Cleanup gives the token caches back.
func (s *Sign) Cleanup() error {
	for _, project := range s.Projects {
		if err := project.release(); err != nil {
			return fmt.Errorf("project %s: %w", project.PublicKey, err)
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

	if !uploadapi.Signed(r.Method, r.URL.Path) {
		return next.ServeHTTP(w, r)
	}
	body, err := s.newBody(r)
	if err != nil {
		return s.refuse(w, r, newRefusal(err))
	}
	body.attach(r)

	answer := &answerWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, body: body}
	err = next.ServeHTTP(answer, r)
	refusal := body.refusal.Load()
	if refusal == nil || answer.begun {
		return err
	}
	return s.refuse(w, r, refusal)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Sign)(nil)
	_ caddy.CleanerUpper          = (*Sign)(nil)
	_ caddyhttp.MiddlewareHandler = (*Sign)(nil)
)
