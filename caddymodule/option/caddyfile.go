// SPDX-License-Identifier: Apache-2.0

// Package option has what the configuration of all modules has in common: parsing the
// values of options in a Caddyfile and in JSON, and registering directives. Its errors
// are load errors: they name the option, what was found and what is expected, and never
// quote what may be secret.
package option

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalDuration parses the only argument of the subdirective at which d is: a
// duration in Go's syntax or Caddy's (which has days), of at least minimum.
func UnmarshalDuration(d *caddyfile.Dispenser, minimum time.Duration) (caddy.Duration, error) {
	name := d.Val()
	var value string
	if !d.AllArgs(&value) {
		return 0, d.Errf("%s takes one argument, a duration such as 10m", name)
	}
	duration, err := caddy.ParseDuration(value)
	if err != nil {
		return 0, d.Errf("%s: '%s' is not a duration such as 10m", name, value)
	}
	if duration < minimum {
		return 0, d.Errf("%s: %s is less than %s", name, value, minimum)
	}
	return caddy.Duration(duration), NoBlock(d, name)
}

// NoBlock returns an error if the subdirective called name has a block. Without this
// check, Caddy would take the block's lines for further subdirectives.
func NoBlock(d *caddyfile.Dispenser, name string) error {
	if nesting := d.Nesting(); d.NextBlock(nesting) {
		return d.Errf("%s takes no block", name)
	}
	return nil
}
