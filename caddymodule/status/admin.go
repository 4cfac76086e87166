// SPDX-License-Identifier: Apache-2.0

// Package status says how the gateway is: to operators by the admin API, and to load
// balancers by the directive uploadcare_health. Nothing in it asks a source or a storage,
// and no secret or credential is in what it says.
package status

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

func init() {
	caddy.RegisterModule(Admin{})
}

// Paths of the admin API.
const (
	Path      = "/uploadcare/status"
	PathLive  = "/uploadcare/health/live"
	PathReady = "/uploadcare/health/ready"
)

// Admin is a module that serves the state of all projects at Caddy's admin API, for
// `caddy uploadcare status`, and health checks for machines that can reach that API.
// `GET /uploadcare/status` responds with JSON, and `GET /uploadcare/health/live` and
// `GET /uploadcare/health/ready` as [Health] does.
type Admin struct {
	logger *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.uploadcare",
		New: func() caddy.Module { return new(Admin) },
	}
}

// Provision sets the logger. Caddy provisions what the admin endpoint serves before it loads the
// apps of a config, and keeps it if that fails: the gateways of the config before go on, and so
// do their metrics.
func (a *Admin) Provision(ctx caddy.Context) error {
	a.logger = ctx.Logger()
	return project.KeepMetrics(ctx.GetMetricsRegistry())
}

// Routes implements [caddy.AdminRouter].
func (a *Admin) Routes() []caddy.AdminRoute {
	health := func(check func() verdict) caddy.AdminHandler {
		return caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if err := checkMethod(r); err != nil {
				return err
			}
			check().write(w, r)
			return nil
		})
	}
	return []caddy.AdminRoute{
		{Pattern: Path, Handler: caddy.AdminHandlerFunc(a.serveStatus)},
		{Pattern: PathLive, Handler: health(live)},
		{Pattern: PathReady, Handler: health(func() verdict { return ready(caddy.Exiting()).report(a.logger) })},
	}
}

func checkMethod(r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: errors.New("method not allowed")}
	}
	return nil
}

// Gateway is the response to a request for [Path].
type Gateway struct {
	Version string    `json:"version"` // of this module
	Caddy   string    `json:"caddy"`
	Started time.Time `json:"started"` // of the process; uploads are counted from then on
	Now     time.Time `json:"now"`

	Ready    bool              `json:"ready"`
	NotReady map[string]string `json:"not_ready,omitempty"` // the cause, by project

	Projects []project.Status `json:"projects"`
	// UnknownProject are the uploads that were refused before their project was known.
	UnknownProject project.Counts `json:"unknown_project"`
	// LastUpstreamError is why the last upload that got no response got none.
	LastUpstreamError *project.UpstreamFailure `json:"last_upstream_error,omitempty"`
}

// started is when the process began, as far as this package is concerned.
var started = time.Now().UTC().Truncate(time.Second)

// Now returns the state of the gateway and of all loaded projects.
func Now() Gateway {
	verdict := ready(caddy.Exiting())
	version, _ := caddy.Version()
	return Gateway{
		Version: project.ThisBuild().Version, Caddy: version, Started: started, Now: time.Now().UTC().Truncate(time.Second),
		Ready: verdict.ok, NotReady: verdict.reasons,
		Projects: project.Statuses(), UnknownProject: project.UnknownProject(), LastUpstreamError: project.LastUpstreamFailure(),
	}
}

func (a *Admin) serveStatus(w http.ResponseWriter, r *http.Request) error {
	if err := checkMethod(r); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(Now())
}

// Interface guards
var (
	_ caddy.Provisioner = (*Admin)(nil)
	_ caddy.AdminRouter = (*Admin)(nil)
)
