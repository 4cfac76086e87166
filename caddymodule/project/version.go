// SPDX-License-Identifier: Apache-2.0

package project

import (
	"runtime/debug"
	"slices"

	"github.com/caddyserver/caddy/v2"
)

// modulePath is the gateway's Go module.
const modulePath = "github.com/caddy-uploadcare/caddy-uploadcare"

// buildVersion returns the version of the gateway in this program, as Go has recorded it:
// that of the module, or for a build from a checkout its commit.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range slices.Concat(info.Deps, []*debug.Module{&info.Main}) {
		if module.Path != modulePath {
			continue
		}
		if module.Replace != nil {
			module = module.Replace
		}
		if module.Version != "" && module.Version != "(devel)" {
			return module.Version
		}
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "(devel)"
}

func caddyVersion() string {
	simple, _ := caddy.Version()
	return simple
}
