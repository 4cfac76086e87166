// SPDX-License-Identifier: Apache-2.0

package project

import (
	"cmp"
	"regexp"
	"runtime/debug"
	"sync"

	"github.com/caddyserver/caddy/v2"
)

// modulePath is this module's, in a build's list of dependencies.
const modulePath = "github.com/caddy-uploadcare/caddy-uploadcare"

// commit is set by the linker (-X), where the build does not know it: xcaddy builds in a
// directory of its own, which is no checkout.
var commit string

// Build says which build of the gateway this is.
type Build struct {
	Version string // such as v0.1.0, a pseudo-version, or devel
	Commit  string // 40 digits, 12 of a pseudo-version, or unknown; with +dirty if the checkout had other changes
}

// ThisBuild returns which build of the gateway runs.
var ThisBuild = sync.OnceValue(func() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return buildOf(info, commit)
})

// pseudo is the end of a version that Go has made from a commit.
var pseudo = regexp.MustCompile(`[.-]\d{14}-([0-9a-f]{12})(\+dirty)?$`)

// placeholder is the version of a module that stands in a go.mod without one.
const placeholder = "v0.0.0-00010101000000-000000000000"

// buildOf reads a build's list of dependencies: this module is the main one in cmd/caddy, and
// a dependency where xcaddy has built. linked is the commit by the linker, or empty.
func buildOf(info *debug.BuildInfo, linked string) Build {
	build := Build{Commit: linked}
	if info.Main.Path == modulePath {
		build.Version = info.Main.Version
		build.Commit = cmp.Or(linked, revision(info.Settings))
	}
	for _, dependency := range info.Deps {
		if dependency.Path == modulePath {
			build.Version = dependency.Version // also if a checkout replaces it: that has no version of its own
		}
	}
	if found := pseudo.FindStringSubmatch(build.Version); found != nil && build.Version != placeholder {
		build.Commit = cmp.Or(build.Commit, found[1]+found[2])
	}
	if build.Version == "" || build.Version == "(devel)" || build.Version == placeholder {
		build.Version = "devel"
	}
	build.Commit = cmp.Or(build.Commit, "unknown")
	return build
}

// revision returns the commit that Go has built, from a checkout.
func revision(settings []debug.BuildSetting) (revision string) {
	modified := ""
	for _, setting := range settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			modified = "+dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + modified
}

// caddyVersion returns the version of Caddy in the build.
func caddyVersion() string {
	simple, _ := caddy.Version()
	return simple
}
