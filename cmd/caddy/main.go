// SPDX-License-Identifier: Apache-2.0

// Command caddy is Caddy with its standard modules, the modules that sign uploads to
// Uploadcare, the sandbox, and storage in Redis, through which a fleet of gateways can
// share tokens.
package main

import (
	_ "github.com/pberkel/caddy-storage-redis"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox"
)

func main() {
	caddycmd.Main()
}
