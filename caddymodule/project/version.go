// SPDX-License-Identifier: Apache-2.0

package project

import (
	"runtime/debug"

	"github.com/caddyserver/caddy/v2"
)

// modulePath is this module's, in a build's list of dependencies.
const modulePath = "github.com/caddy-uploadcare/caddy-uploadcare"

// Version returns the version of this module in the build: the main module if it was built
// here, and a dependency if it was built with xcaddy.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := ""
	if info.Main.Path == modulePath {
		version = info.Main.Version
	}
	for _, dependency := range info.Deps {
		if dependency.Path != modulePath {
			continue
		}
		version = dependency.Version
		if dependency.Replace != nil { // xcaddy's, by a checkout, whose own version is a placeholder
			version = dependency.Replace.Version
		}
	}
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	// Without a version, the commit says which build it is.
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && info.Main.Path == modulePath && version == "devel" {
			version += " " + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return version
}

// caddyVersion returns the version of Caddy in the build.
func caddyVersion() string {
	simple, _ := caddy.Version()
	return simple
}
