// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const directive = "uploadcare"

func init() {
	httpcaddyfile.RegisterDirective(directive, parseUploadcare)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "reverse_proxy")
}

// Defaults of the proxy, as a user would write them. What the user does write
// comes after them and wins.
const (
	// The service's own name, without the port that reverse_proxy would add.
	proxyDefaults = "header_up Host {http.reverse_proxy.upstream.host}\n"

	// HTTP/1.1 gives each upload a connection and a window of its own; HTTP/2
	// would share one, in smaller pieces. An idle connection is given up before
	// servers usually do, since a POST that meets one being closed is lost.
	transportDefaults = "versions 1.1\ndial_timeout 5s\nkeepalive 30s\n"

	// Only for upstreams over TLS: the option switches TLS on.
	transportTLSDefaults = "tls_timeout 10s\n"
)

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
//	uploadcare_sign [<matcher>] {
//		...
//	}
//	reverse_proxy [<matcher>] https://upload.uploadcare.com {
//		header_up Host {http.reverse_proxy.upstream.host}
//		transport uploadcare {
//			versions     1.1
//			dial_timeout 5s
//			keepalive    30s
//			tls_timeout  10s
//		}
//		...
//	}
//
// Options of the user's own `transport uploadcare` are added to these and win
// over them; another transport replaces them.
func parseUploadcare(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	matcherSet, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	h.Next() // consume directive name
	name := h.Token()
	if h.NextArg() {
		return nil, h.Errf("unexpected argument '%s': the address of the Upload API goes into the block, as upstream", h.Val())
	}

	var options signTokens
	var proxy proxyTokens
	for h.NextBlock(0) {
		segment := h.NextSegment()
		if isSignOption(segment[0].Text) {
			options.add(segment)
		} else if err := proxy.add(segment); err != nil {
			return nil, err
		}
	}
	sign := new(Sign)
	if err := sign.unmarshalOptions(options); err != nil {
		return nil, err
	}
	reverseProxy, err := proxy.unmarshal(h, name)
	if err != nil {
		return nil, err
	}

	route := caddyhttp.Route{HandlersRaw: []json.RawMessage{
		caddyconfig.JSONModuleObject(sign, "handler", signDirective, nil),
		caddyconfig.JSONModuleObject(reverseProxy, "handler", "reverse_proxy", nil),
	}}
	if matcherSet != nil {
		route.MatcherSetsRaw = []caddy.ModuleMap{matcherSet}
	}
	return []httpcaddyfile.ConfigValue{{Class: "route", Value: route}}, nil
}

// proxyTokens are the subdirectives of a block that are about the proxy, in
// the user's order.
type proxyTokens struct {
	subdirectives []caddyfile.Segment
	addresses     []string // of upstreams
	dynamic       bool
}

func (p *proxyTokens) add(segment caddyfile.Segment) error {
	switch segment[0].Text {
	case "upstream", "to":
		if len(segment) == 1 {
			d := caddyfile.NewDispenser(segment)
			d.Next()
			return d.Errf("%s takes the address of the Upload API, such as %s", d.Val(), uploadapi.DefaultUpstream)
		}
		segment[0].Text = "to"
		for _, token := range segment[1:] {
			p.addresses = append(p.addresses, token.Text)
		}
	case "dynamic":
		p.dynamic = true
	case "rewrite":
		if err := checkRewrite(segment); err != nil {
			return err
		}
	case "transport":
		if p.transport() >= 0 {
			d := caddyfile.NewDispenser(segment)
			d.Next()
			return d.Errf("transport already specified")
		}
	}
	p.subdirectives = append(p.subdirectives, segment)
	return nil
}

// clientAddress is a placeholder that shows the address, or the query, as the
// client sent it.
var clientAddress = regexp.MustCompile(`\{(uri|query|http\.request\.(orig_)?uri(\.query)?)\}`)

// checkRewrite refuses to replace the query, where a credential may have been
// put in and others taken out, by the client's own.
func checkRewrite(segment caddyfile.Segment) error {
	for _, token := range segment[1:] {
		if placeholder := clientAddress.FindString(token.Text); placeholder != "" {
			d := caddyfile.NewDispenser(segment)
			d.Next()
			return d.Errf("rewrite: %s has the client's query, unsigned; a path alone keeps the query, so write {path} instead", placeholder)
		}
	}
	return nil
}

// unmarshal hands the defaults and then the user's subdirectives to
// reverse_proxy.
func (p *proxyTokens) unmarshal(h httpcaddyfile.Helper, name caddyfile.Token) (*reverseproxy.Handler, error) {
	brace := name
	name.Text, brace.Text = "reverse_proxy", "{"
	tokens := append(caddyfile.Segment{name, brace}, tokenize("headers", proxyDefaults)...)
	if len(p.addresses) == 0 && !p.dynamic {
		p.addresses = []string{uploadapi.DefaultUpstream}
		tokens = append(tokens, tokenize("upstream", "to "+uploadapi.DefaultUpstream)...)
	}
	transport := p.transport()
	if transport < 0 {
		tokens = append(tokens, tokenize("transport", "transport "+transportName+" {\n"+p.transportDefaults()+"}")...)
	}
	for i, segment := range p.subdirectives {
		if i == transport {
			segment = p.addTransportDefaults(segment)
		}
		tokens = append(tokens, segment...)
	}
	tokens = append(tokens, tokenize("end", "}")...)

	handler := new(reverseproxy.Handler)
	if err := handler.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
		if strings.Contains(err.Error(), "unrecognized subdirective") {
			err = fmt.Errorf("%w: expected upstream, a subdirective of reverse_proxy, %s", err, signOptions)
		}
		return nil, err
	}
	return handler, handler.FinalizeUnmarshalCaddyfile(h)
}

// transport returns the index of the transport subdirective, or -1.
func (p *proxyTokens) transport() int {
	return slices.IndexFunc(p.subdirectives, func(s caddyfile.Segment) bool { return s[0].Text == "transport" })
}

// addTransportDefaults puts our defaults before the options of the user's
// transport, if it is ours.
func (p *proxyTokens) addTransportDefaults(segment caddyfile.Segment) caddyfile.Segment {
	switch {
	case len(segment) < 2 || segment[1].Text != transportName || len(segment) > 2 && segment[2].Text != "{":
		return segment
	case len(segment) == 2:
		brace := segment[1]
		brace.Text = "{"
		return append(append(segment, brace), tokenize("transport", p.transportDefaults()+"}")...)
	default:
		const afterBrace = 3 // transport uploadcare {
		return slices.Insert(segment, afterBrace, tokenize("transport", p.transportDefaults())...)
	}
}

func (p *proxyTokens) transportDefaults() string {
	plain := func(address string) bool { return !strings.HasPrefix(address, "https://") }
	if len(p.addresses) == 0 || slices.ContainsFunc(p.addresses, plain) {
		return transportDefaults
	}
	return transportDefaults + transportTLSDefaults
}

// tokenize turns defaults of our own into tokens. Tokens that follow each other
// are told apart by line and file, so each text is a file of its own.
func tokenize(name, text string) caddyfile.Segment {
	tokens, err := caddyfile.Tokenize([]byte(text), directive+" defaults: "+name)
	if err != nil {
		panic(err) // constant text
	}
	return tokens
}
