// SPDX-License-Identifier: Apache-2.0

// Command caddy is Caddy with its standard modules and the ones that sign
// uploads to Uploadcare.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox"
)

func main() {
	caddycmd.Main()
}
