// SPDX-License-Identifier: Apache-2.0

// Command caddy is Caddy with its standard modules, the ones that sign uploads
// to Uploadcare, and storage in Redis, in which a fleet of gateways shares its
// tokens.
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
