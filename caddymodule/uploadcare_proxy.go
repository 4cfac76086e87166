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
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// Defaults of the proxy, as a user would write them. They stand before what the user has
// written, of which a later line overrides an earlier one.
const (
	// The Host header is the service's own name: the client's, which reverse_proxy passes
	// on, is the gateway's, and {upstream_hostport} has a port. The transport's option
	// costs less than a header operation, whose placeholder is replaced for each upload.
	transportHostDefault = "upstream_host\n"
	proxyHostDefault     = "header_up Host {http.reverse_proxy.upstream.host}\n"

	// Only for upstreams over TLS: any option of TLS switches TLS on.
	transportTLSDefaults = "tls_timeout 10s\n"
)

// transportName is the name of the transport that the defaults are for.
var transportName = transport.Transport{}.CaddyModule().ID.Name()

// proxyTokens are the subdirectives of a block that are about the proxy, in the user's order.
// They are given to reverse_proxy's own parser, so that all of its subdirectives work.
type proxyTokens struct {
	subdirectives []caddyfile.Segment
	addresses     []string // of upstreams
	dynamic       bool
	insecure      bool // upstreams may do without TLS
}

// add adds a subdirective with its arguments and block.
func (p *proxyTokens) add(segment caddyfile.Segment) error {
	switch segment[0].Text {
	case "upstream", "to":
		if len(segment) == 1 {
			d := caddyfile.NewDispenser(segment)
			d.Next()
			return d.Errf("%s takes the address of the Upload API, such as %s", d.Val(), uploadapi.DefaultUpstream)
		}
		segment[0].Text = "to"
		for i := range segment[1:] {
			address := &segment[1+i].Text
			if strings.Contains(*address, "://") { // a URL without a path, as browsers write it
				*address = strings.TrimSuffix(*address, "/")
			}
			p.addresses = append(p.addresses, *address)
		}
	case "dynamic":
		p.dynamic = true
	case transport.InsecureOption:
		return p.addInsecure(segment)
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

// clientAddress matches a placeholder whose value is the URI, or the query, as the client
// sent it.
var clientAddress = regexp.MustCompile(`\{(uri|query|http\.request\.(orig_)?uri(\.query)?)\}`)

// checkRewrite returns an error if a rewrite would replace the query by the client's own.
// The fresh credential of a request without a body is in the query; the client's query
// would go unsigned, and could have a stale credential in it.
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

// unmarshal has reverse_proxy parse the defaults, and then the user's subdirectives.
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
		switch word := option.Unrecognized(err); {
		case word == "":
		case !p.has(word): // it stands in the block of a transport
			err = option.TransportError(err, "upstream_host, "+transport.InsecureOption+", ")
		default:
			err = fmt.Errorf("%w: expected upstream, insecure_http, a subdirective of reverse_proxy, %s", err, sign.Options)
		}
		return nil, err
	}
	if err := p.checkUpstreams(handler); err != nil {
		return nil, err
	}
	return handler, handler.FinalizeUnmarshalCaddyfile(h)
}

// has reports whether a subdirective stands in the block itself, and not in another's.
func (p *proxyTokens) has(name string) bool {
	return slices.ContainsFunc(p.subdirectives, func(s caddyfile.Segment) bool { return s[0].Text == name })
}

// transport returns the index of the transport subdirective, or -1.
func (p *proxyTokens) transport() int {
	return slices.IndexFunc(p.subdirectives, func(s caddyfile.Segment) bool { return s[0].Text == "transport" })
}

// addTransportDefaults puts the defaults before the options of the user's transport, if it
// is `transport uploadcare`. The segment may have no block yet.
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

// transportDefaults returns the options of the transport by default. Those of TLS are among
// them only if all upstreams have https, since they would switch it on for the others.
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

// transportNamesHost reports whether the transport is to set the Host header: it is
// `transport uploadcare`, and the user has no header_up that sets it.
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

// tokenize turns defaults into tokens. Caddy's parser sees by file and line where one
// subdirective ends and the next begins, so each text is a file of its own.
func tokenize(name, text string) caddyfile.Segment {
	tokens, err := caddyfile.Tokenize([]byte(text), directive+" defaults: "+name)
	if err != nil {
		panic(err) // constant text
	}
	return tokens
}
