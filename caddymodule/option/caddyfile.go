// SPDX-License-Identifier: Apache-2.0

// Package option has what the configuration of all rooms has in common: values of
// options, as they stand in a Caddyfile or in JSON, and directives of handlers.
package option

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalDuration parses the only argument of the subdirective that d is at, a
// duration of at least minimum.
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

// NoBlock returns an error if the subdirective called name has a block.
func NoBlock(d *caddyfile.Dispenser, name string) error {
	if nesting := d.Nesting(); d.NextBlock(nesting) {
		return d.Errf("%s takes no block", name)
	}
	return nil
}
