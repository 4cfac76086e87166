// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"math"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// directive is the name in a Caddyfile.
const directive = "uploadcare_sandbox"

func init() {
	httpcaddyfile.RegisterDirective(directive, parseRoute)
	// The sandbox is ordered where a proxy would be: after authentication and limits.
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "reverse_proxy")
}

// parseRoute parses the directive. It is not [httpcaddyfile.RegisterHandlerDirective]'s,
// which cannot make the route terminal.
func parseRoute(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	matcherSet, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	values := h.NewRoute(matcherSet, handler)
	if route, ok := values[0].Value.(caddyhttp.Route); ok && h.IsNamedRoute() {
		// If all handlers of a named route have been merged into one route, Caddy keeps
		// only the first handler. A terminal route is not merged with those before it.
		route.Terminal = true
		values[0].Value = route
	}
	return values, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	uploadcare_sandbox [<matcher>] {
//		public_key      <key>
//		secret_key      <key>
//		root            <dir>
//		request_limit   <size>
//		storage_limit   <size>
//		multipart_limit <size>
//		public_url      <url>
//		throttle_every  <n>
//		allow_private_sources
//		demo_gateway    <url>
//		demo_scripts    <url|dir>
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	if d.NextArg() {
		return d.Errf("%s takes no arguments but a matcher; its options stand in a block", directive)
	}
	seen := make(map[string]bool)
	for d.NextBlock(0) {
		option := d.Val()
		if seen[option] { // the second one would silently win
			return d.Errf("%s is already specified", option)
		}
		seen[option] = true
		if err := h.parseOption(d, option); err != nil {
			return err
		}
	}
	return nil
}

// parseOption parses one subdirective. The error for an unknown one lists all.
func (h *Handler) parseOption(d *caddyfile.Dispenser, option string) error {
	switch option {
	case "public_key":
		return parseText(d, "<key>", &h.PublicKey)
	case "secret_key":
		return parseText(d, "<key>", &h.SecretKey)
	case "root":
		return parseText(d, "<dir>", &h.Root)
	case "request_limit":
		return parseSize(d, &h.RequestLimit)
	case "storage_limit":
		return parseSize(d, &h.StorageLimit)
	case "multipart_limit":
		return parseSize(d, &h.MultipartLimit)
	case "public_url":
		return parseText(d, "<url>", &h.PublicURL)
	case "demo_gateway":
		return parseText(d, "<url>", &h.DemoGateway)
	case "demo_scripts":
		return parseText(d, "<url|dir>", &h.DemoScripts)
	case "throttle_every":
		return parseCount(d, &h.ThrottleEvery)
	case "allow_private_sources":
		if d.NextArg() {
			return d.Errf("%s takes no arguments", option)
		}
		h.AllowPrivateSources = true
		return nil
	default:
		return d.Errf("unrecognized subdirective '%s', expected public_key, secret_key, root, request_limit, storage_limit, "+
			"multipart_limit, public_url, throttle_every, allow_private_sources, demo_gateway or demo_scripts", option)
	}
}

// parseText parses the only argument of an option. The error names the option and never
// the argument, which may be a secret; d.ArgErr would quote it.
func parseText(d *caddyfile.Dispenser, what string, text *string) error {
	option := d.Val()
	if !d.AllArgs(text) || *text == "" {
		return d.Errf("%s expects exactly one argument: %s %s", option, option, what)
	}
	return nil
}

// parseSize parses a size in bytes, with units such as MiB.
func parseSize(d *caddyfile.Dispenser, size *int64) error {
	option := d.Val()
	var text string
	if err := parseText(d, "<size>", &text); err != nil {
		return err
	}
	bytes, err := humanize.ParseBytes(text)
	// 0 is refused because it means the default in JSON: a user who writes it expects to
	// forbid something.
	if err != nil || bytes == 0 || bytes > math.MaxInt64 {
		return d.Errf("%s expects a size above zero such as 100MiB, got '%s'", option, text)
	}
	*size = int64(bytes)
	return nil
}

// parseCount parses a number above zero.
func parseCount(d *caddyfile.Dispenser, count *int) error {
	option := d.Val()
	var text string
	if err := parseText(d, "<n>", &text); err != nil {
		return err
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return d.Errf("%s expects a number above zero, got '%s'", option, text)
	}
	*count = number
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Handler)(nil)
