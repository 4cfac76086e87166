// SPDX-License-Identifier: Apache-2.0

package project

import (
	"runtime/debug"
	"testing"
)

func TestABuildSaysItsVersionAndCommit(t *testing.T) {
	const hash = "00b6a04620fd4a1b8c3d5e6f708192a3b4c5d6e7"
	ours := func(version string, replace *debug.Module) []*debug.Module {
		return []*debug.Module{{Path: "github.com/caddyserver/caddy/v2", Version: "v2.11.9"}, {Path: modulePath, Version: version, Replace: replace}}
	}
	checkout := &debug.Module{Path: "/a/checkout"}
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: hash}, {Key: "vcs.modified", Value: modified}}
	}
	for name, test := range map[string]struct {
		info   debug.BuildInfo
		linked string
		want   Build
	}{
		"a release":                                {debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "v0.1.0"}, Settings: vcs("false")}, "", Build{"v0.1.0", hash}},
		"a commit after a release":                 {debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "v0.1.1-0.20261129234751-00b6a04620fd"}, Settings: vcs("false")}, "", Build{"v0.1.1-0.20261129234751-00b6a04620fd", hash}},
		"changes that are not committed":           {debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "v0.1.1-0.20261129234751-00b6a04620fd+dirty"}, Settings: vcs("true")}, "", Build{"v0.1.1-0.20261129234751-00b6a04620fd+dirty", hash + "+dirty"}},
		"go build without version control":         {debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "(devel)"}}, "", Build{"devel", "unknown"}},
		"xcaddy.sh, at a release":                  {debug.BuildInfo{Main: debug.Module{Path: "caddy", Version: "(devel)"}, Deps: ours("v0.1.0", checkout)}, hash, Build{"v0.1.0", hash}},
		"xcaddy.sh, where there is no git":         {debug.BuildInfo{Main: debug.Module{Path: "caddy", Version: "(devel)"}, Deps: ours(placeholder, checkout)}, "", Build{"devel", "unknown"}},
		"xcaddy of another, by a replaced version": {debug.BuildInfo{Main: debug.Module{Path: "caddy"}, Deps: ours("v0.1.1-0.20261129234751-00b6a04620fd", checkout)}, "", Build{"v0.1.1-0.20261129234751-00b6a04620fd", "00b6a04620fd"}},
		"xcaddy of another, from a module proxy":   {debug.BuildInfo{Main: debug.Module{Path: "caddy"}, Deps: ours("v0.1.0", nil)}, "", Build{"v0.1.0", "unknown"}},
		// The commit of a program that has the module as a dependency is not the module's.
		"a program of another, in its own checkout": {debug.BuildInfo{Main: debug.Module{Path: "example.com/their", Version: "v3.0.0"}, Deps: ours("v0.1.0", nil), Settings: vcs("false")}, "", Build{"v0.1.0", "unknown"}},
		"no information": {debug.BuildInfo{}, "", Build{"devel", "unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := buildOf(&test.info, test.linked); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
