// SPDX-License-Identifier: Apache-2.0

// Package integration runs the modules in a real Caddy. The test binary is
// also the Caddy binary: run with runAsCaddy set, it is one, with the test's
// own arguments.
package integration

import (
	"os"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox"
)

const runAsCaddy = "CADDY_UPLOADCARE_RUN_AS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}
