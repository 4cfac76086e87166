// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Set holds the projects of one handler. The zero value is empty.
type Set struct {
	all        []*Project
	byKey      map[string]*Project
	perRequest []*Project // those whose tokens depend on the request
	forcing    []*Project // those whose policy puts fields into uploads
	logger     *zap.Logger
}

// Provision loads the projects' sources and acquires their token caches. The projects log
// to logger; refusals are the codes by which the handler refuses uploads. [Set.Release] must
// be called afterwards, also if Provision fails.
func (s *Set) Provision(ctx caddy.Context, logger *zap.Logger, projects []*Project, refusals []string) error {
	s.all, s.byKey, s.logger = projects, make(map[string]*Project, len(projects)), logger
	for i, project := range projects {
		// JSON can say `null`, and what follows would panic.
		if project == nil {
			return fmt.Errorf("project %d is null", i)
		}
		// The default source has the one secret key of the environment, which would sign for
		// projects that it does not belong to.
		if project.SourceRaw == nil && len(projects) > 1 {
			return fmt.Errorf("project %s: no source of credentials; with several projects each needs its own, such as secret_key", project.PublicKey)
		}
		project.refusals = refusals
		if err := project.provision(ctx, logger); err != nil {
			return fmt.Errorf("project %s: %w", project.PublicKey, err)
		}
		if project.Scheme == source.SchemeToken && len(projects) > 1 {
			return fmt.Errorf("project %s: in scheme token the credential leaves before the form is read, so the project must be the handler's only one", project.PublicKey)
		}
		// After provision, which replaces placeholders: two can have the same value.
		if _, twice := s.byKey[project.publicKey]; twice {
			return fmt.Errorf("project %s: the public key is there twice", project.publicKey)
		}
		s.byKey[project.publicKey] = project
		if project.perRequest != nil {
			s.perRequest = append(s.perRequest, project)
		}
		if len(project.rules.Forced()) > 0 {
			s.forcing = append(s.forcing, project)
		}
	}
	return nil
}

// Release returns the token caches to the pool.
func (s *Set) Release() error {
	for _, project := range s.all {
		if err := project.release(); err != nil {
			return fmt.Errorf("giving back the token cache of project %s: %w", project.PublicKey, err)
		}
	}
	return nil
}

// Of returns the project that a client's public key names, or nil.
func (s *Set) Of(publicKey string) *Project {
	if project, ok := s.byKey[publicKey]; ok {
		return project
	}
	return s.byKey[Any]
}

// Only returns the project if there is one alone, or nil.
func (s *Set) Only() *Project {
	if len(s.all) == 1 {
		return s.all[0]
	}
	return nil
}

// InHeader returns the project whose credential leaves in the header, or nil. There is no
// other project in the set then: the header leaves before the form names one.
func (s *Set) InHeader() *Project {
	if only := s.all[0]; only.Scheme == source.SchemeToken {
		return only
	}
	return nil
}

// Grantors returns the Grantors for a request, given the request's context with Caddy's
// replacer. It must be called before headers that tokens depend on are removed.
func (s *Set) Grantors(ctx context.Context) Grantors {
	if len(s.perRequest) == 0 {
		return nil
	}
	replacer := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	all := make(Grantors, len(s.perRequest))
	for i, project := range s.perRequest {
		all[i] = project.grantorFor(replacer)
	}
	return all
}
