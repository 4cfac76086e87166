// SPDX-License-Identifier: Apache-2.0

// Package wire sends raw requests and raw responses through two gateways of one process:
// ours, and Caddy's own reverse_proxy. Ours must be no worse in any case. What worse means
// is in judge_test.go.
//
// The test binary is also the Caddy binary: run with runAsCaddy set, it is one.
package wire

import (
	"os"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule"
)

const runAsCaddy = "CADDY_UPLOADCARE_RUN_AS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}
