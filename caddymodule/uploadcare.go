// SPDX-License-Identifier: Apache-2.0

// Package caddymodule signs uploads to Uploadcare as they pass through Caddy. Clients that
// do not implement Secure Uploading, or have outdated signatures, send their uploads to
// Caddy as they would send them to Uploadcare. What reaches the Upload API has one fresh
// credential, and none of the client's.
//
// The package defines the directive uploadcare, and imports all modules that the directive
// is short for: the handlers, the transport and the sources of credentials, besides the
// commands `caddy uploadcare` and the directive uploadcare_health. So this one import path
// brings them all.
package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/status"
)

const directive = "uploadcare"

func init() {
	option.RegisterHandlerDirective(directive, parseUploadcare, option.Terminal)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "reverse_proxy")
}

// parseUploadcare parses the uploadcare directive, a shorthand for uploadcare_sign and
// reverse_proxy with defaults that suit uploads. Syntax:
//
//	uploadcare [<matcher>] {
//		project <public_key> {
//			<options, as in uploadcare_sign>
//		}
//		cors     <origin...>
//		trace_upstream
//		http2_windows <size>|off
//		upstream <address...>
//		insecure_http
//		<any subdirective of reverse_proxy>
//	}
//
// It expands to:
//
//	route [<matcher>] {
//		uploadcare_sign {
//			...
//		}
//		reverse_proxy https://upload.uploadcare.com {
//			transport uploadcare {
//				upstream_host
//				versions                      1.1
//				dial_timeout                  5s
//				keepalive                     30s
//				keepalive_idle_conns_per_host 256
//				tls_timeout                   10s
//			}
//			...
//		}
//	}
//
// A `transport uploadcare` in the block adds its options to these defaults, and overrides
// them; another transport replaces them. The reverse_proxy is a [proxy.Proxy], which has a
// shortcut for uploads.
func parseUploadcare(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // consume directive name
	name := h.Token()
	if h.NextArg() {
		return nil, h.Errf("unexpected argument '%s': the address of the Upload API goes into the block, as upstream", h.Val())
	}

	var options sign.Subdirectives
	var proxied proxyTokens
	for h.NextBlock(0) {
		segment := h.NextSegment()
		if sign.IsOption(segment[0].Text) {
			options.Add(segment)
		} else if err := proxied.add(segment); err != nil {
			return nil, err
		}
	}
	signer := new(sign.Sign)
	if err := signer.UnmarshalOptions(options); err != nil {
		return nil, err
	}
	reverseProxy, err := proxied.unmarshal(h, name)
	if err != nil {
		return nil, err
	}

	// Both are in one subroute. As two handlers of a route, the second could be lost: in a
	// named route, Caddy may keep the first alone.
	return &caddyhttp.Subroute{Routes: caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{
		caddyconfig.JSONModuleObject(signer, "handler", sign.Directive, nil),
		caddyconfig.JSONModuleObject(&proxy.Proxy{Handler: reverseProxy, InsecureHTTP: proxied.insecure}, "handler", proxy.Proxy{}.CaddyModule().ID.Name(), nil),
	}}}}, nil
}
