// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// loadedSite is an uploadcare_sign that has been loaded, with the proxy behind it.
type loadedSite struct {
	sign  *sign.Sign
	proxy caddyhttp.MiddlewareHandler // or nil
}

// examined is an app that is loaded beside those of a config, and looks at them before they
// would be started. So no port is opened that a running Caddy may have, and Caddy releases
// all that was loaded.
type examined struct{}

const examinedName = "uploadcare_examined"

// examination has the function that the app calls. Caddy makes the app from a config, which
// cannot hold a function; so it is here, for one examination at a time.
var examination struct {
	mu       sync.Mutex
	register sync.Once
	do       func(sites []loadedSite)
}

// CaddyModule returns the Caddy module information.
func (examined) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: examinedName, New: func() caddy.Module { return new(examined) }}
}

// Provision runs the examination, once the app `http` is loaded.
func (*examined) Provision(ctx caddy.Context) error {
	app, err := ctx.App("http")
	if err != nil {
		return err
	}
	var sites []loadedSite
	servers := app.(*caddyhttp.App).Servers
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		w := loadedWalk{named: servers[name].NamedRoutes}
		w.routes(servers[name].Routes, nil, 0)
		sites = append(sites, w.found...)
	}
	examination.do(sites)
	return nil
}

// Start implements [caddy.App]. It is never called.
func (*examined) Start() error { return nil }

// Stop implements [caddy.App]. It is never called.
func (*examined) Stop() error { return nil }

// isProxy reports whether a handler passes uploads on to the Upload API.
func isProxy(name string) bool { return name == "uploadcare_proxy" || name == "reverse_proxy" }

// withoutProbes returns a config without active health checks: Caddy begins them as it loads
// them, and with --offline nothing may be sent.
func withoutProbes(config []byte) ([]byte, error) {
	var all any
	if err := json.Unmarshal(config, &all); err != nil {
		return nil, err
	}
	var strip func(value any)
	strip = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, one := range value {
				strip(one)
			}
		case map[string]any:
			if checks, ok := value["health_checks"].(map[string]any); ok {
				delete(checks, "active")
			}
			for _, one := range value {
				strip(one)
			}
		}
	}
	strip(all)
	return json.Marshal(all)
}

// examine loads a config without starting it, calls do with its sites, and cleans up.
func examine(config []byte, do func(sites []loadedSite)) error {
	examination.mu.Lock()
	defer examination.mu.Unlock()
	examination.register.Do(func() { caddy.RegisterModule(examined{}) })
	examination.do = do

	var loaded caddy.Config
	// Strictly, as Caddy does when it runs the config.
	if err := caddy.StrictUnmarshalJSON(caddy.RemoveMetaFields(config), &loaded); err != nil {
		return fmt.Errorf("decoding the config: %w", err)
	}
	loaded.Logging = discarding(loaded.Logging)
	if loaded.AppsRaw == nil {
		loaded.AppsRaw = make(caddy.ModuleMap)
	}
	// Validate loads the apps, and cleans up what they have loaded, also if one fails. It has
	// no hook for what comes in between, so an app is added to the config.
	loaded.AppsRaw[examinedName] = json.RawMessage("{}")
	return caddy.Validate(&loaded)
}

// Interface guards
var (
	_ caddy.App         = (*examined)(nil)
	_ caddy.Provisioner = (*examined)(nil)
)
