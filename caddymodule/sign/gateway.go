// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// gateway is what both handlers are made of: the projects that they have credentials
// for, the origins whose pages may ask, and how a request is refused.
type gateway struct {
	projects project.Set
	origins  origins
	logger   *zap.Logger
}

// provision loads the projects' sources and acquires their token caches. What is logged
// about them is logged by logger, the handler's.
func (g *gateway) provision(ctx caddy.Context, logger *zap.Logger, projects []*project.Project, cors []string) (err error) {
	g.logger = logger
	if err := project.RegisterMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if g.origins, err = newOrigins(cors); err != nil {
		return err
	}
	return g.projects.Provision(ctx, logger, projects)
}

// Cleanup gives the token caches back.
func (g *gateway) Cleanup() error { return g.projects.Release() }
