// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// gateway is what both handlers have in common: the projects, the origins whose pages may
// send requests, and how a request is refused.
type gateway struct {
	projects project.Set
	origins  origins
	logger   *zap.Logger
}

// provision loads the projects' sources and acquires their token caches. Events of the
// projects are logged by the handler's logger, too.
func (g *gateway) provision(ctx caddy.Context, projects []*project.Project, cors []string) (err error) {
	g.logger = ctx.Logger()
	if err := project.RegisterMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if g.origins, err = newOrigins(cors); err != nil {
		return err
	}
	return g.projects.Provision(ctx, g.logger, projects)
}

// Cleanup releases the token caches. A cache that the next config uses, too, stays, so
// that a reload does not ask each source anew.
func (g *gateway) Cleanup() error { return g.projects.Release() }
