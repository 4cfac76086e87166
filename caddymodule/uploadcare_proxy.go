// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// Defaults of the proxy, as a user would write them. What the user does write
// comes after them and wins.
const (
	// The service's own name, without the port that reverse_proxy would add: by
	// our transport, or as a header operation, which is dearer.
	transportHostDefault = "upstream_host\n"
	proxyHostDefault     = "header_up Host {http.reverse_proxy.upstream.host}\n"

	// Only for upstreams over TLS: the option switches TLS on.
	transportTLSDefaults = "tls_timeout 10s\n"
)

// transportName is what our transport is called.
var transportName = transport.Transport{}.CaddyModule().ID.Name()

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
	tokens := caddyfile.Segment{name, brace}
	if !p.transportNamesHost() {
		tokens = append(tokens, tokenize("headers", proxyHostDefault)...)
	}
	if len(p.addresses) == 0 && !p.dynamic {
		p.addresses = []string{uploadapi.DefaultUpstream}
		tokens = append(tokens, tokenize("upstream", "to "+uploadapi.DefaultUpstream)...)
	}
	own := p.transport()
	if own < 0 {
		tokens = append(tokens, tokenize("transport", "transport "+transportName+" {\n"+p.transportDefaults()+"}")...)
	}
	for i, segment := range p.subdirectives {
		if i == own {
			segment = p.addTransportDefaults(segment)
		}
		tokens = append(tokens, segment...)
	}
	tokens = append(tokens, tokenize("end", "}")...)

	handler := new(reverseproxy.Handler)
	if err := handler.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
		if strings.Contains(err.Error(), "unrecognized subdirective") {
			err = fmt.Errorf("%w: expected upstream, a subdirective of reverse_proxy, %s", err, sign.Options)
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
	defaults := transport.Defaults
	if p.transportNamesHost() {
		defaults = transportHostDefault + defaults
	}
	plain := func(address string) bool { return !strings.HasPrefix(address, "https://") }
	if len(p.addresses) == 0 || slices.ContainsFunc(p.addresses, plain) {
		return defaults
	}
	return defaults + transportTLSDefaults
}

// transportNamesHost reports whether the transport is ours, and the user does
// not say what the host is to be.
func (p *proxyTokens) transportNamesHost() bool {
	return !slices.ContainsFunc(p.subdirectives, func(s caddyfile.Segment) bool {
		switch {
		case len(s) < 2:
			return false
		case s[0].Text == "transport":
			return s[1].Text != transportName
		case s[0].Text == "header_up":
			field := strings.TrimLeft(s[1].Text, "+-?>")
			return strings.EqualFold(field, "Host") || strings.Contains(field, "{")
		}
		return false
	})
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
