// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy"
)

const directive = "uploadcare"

func init() {
	registerHandler(directive, parseUploadcare, end)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "reverse_proxy")
}

// parseUploadcare parses the uploadcare directive, a shorthand for
// uploadcare_sign and reverse_proxy with defaults that suit uploads. Syntax:
//
//	uploadcare [<matcher>] {
//		project <public_key> {
//			<options, as in uploadcare_sign>
//		}
//		cors     <origin...>
//		upstream <address...>
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
// Options of the user's own `transport uploadcare` are added to these and win
// over them; another transport replaces them. The reverse_proxy is a [proxy.Proxy].
func parseUploadcare(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // consume directive name
	name := h.Token()
	if h.NextArg() {
		return nil, h.Errf("unexpected argument '%s': the address of the Upload API goes into the block, as upstream", h.Val())
	}

	var options signTokens
	var proxied proxyTokens
	for h.NextBlock(0) {
		segment := h.NextSegment()
		if isSignOption(segment[0].Text) {
			options.add(segment)
		} else if err := proxied.add(segment); err != nil {
			return nil, err
		}
	}
	sign := new(Sign)
	if err := sign.unmarshalOptions(options); err != nil {
		return nil, err
	}
	reverseProxy, err := proxied.unmarshal(h, name)
	if err != nil {
		return nil, err
	}

	// One handler, wherever it may have to be the only one.
	return &caddyhttp.Subroute{Routes: caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{
		caddyconfig.JSONModuleObject(sign, "handler", signDirective, nil),
		caddyconfig.JSONModuleObject(&proxy.Proxy{Handler: reverseProxy}, "handler", proxy.Proxy{}.CaddyModule().ID.Name(), nil),
	}}}}, nil
}
