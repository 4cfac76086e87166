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
	peer     *peer // nil unless it was added to allPeers
}

// provision loads the projects' sources and acquires their token caches. Events of the
// projects are logged by the handler's logger, too.
func (g *gateway) provision(ctx caddy.Context, projects []*project.Project, cors []string) (err error) {
	g.logger = ctx.Logger()
	provisionDrain(ctx)
	if err := project.RegisterMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if g.origins, err = newOrigins(cors); err != nil {
		return err
	}
	if _, ok := g.origins.exact[nullOrigin]; ok {
		g.logger.Warn("cors null admits pages of every site, which can get that origin in a sandboxed frame; name the origins of your pages instead, if they have one")
	}
	return g.projects.Provision(ctx, g.logger, projects, refusalCodes)
}

// Cleanup releases the token caches. A cache that the next config uses, too, stays, so
// that a reload does not ask each source anew.
func (g *gateway) Cleanup() error {
	if g.peer != nil {
		allPeers.remove(g.peer)
	}
	return g.projects.Release()
}

// join makes the handler known to the others of its config.
func (g *gateway) join(as peer) error {
	if err := allPeers.add(&as); err != nil {
		return err
	}
	g.peer = &as
	return nil
}
