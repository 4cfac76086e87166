// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"context"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	proxyPlaceholders  = "http.reverse_proxy."
	addressPlaceholder = proxyPlaceholders + "upstream.address"

	// exchangeVar is the variable of a request that holds its first exchange.
	exchangeVar = "uploadcare_proxy.exchange"
)

// setPlaceholders makes the placeholders of Caddy's proxy show e, in place of an earlier
// exchange for the same request. It reports false if Caddy's proxy has set them before:
// a [caddy.Replacer] asks static values first, so e's would not show.
func (e *exchange) setPlaceholders(ctx context.Context, replacer *caddy.Replacer) bool {
	if first, ok := caddyhttp.GetVar(ctx, exchangeVar).(*exchange); ok {
		// What was mapped first wins, and cannot be removed: it has to lead to this one.
		first.latest.Store(e)
		return true
	}
	if _, proxied := replacer.Get(addressPlaceholder); proxied {
		return false
	}
	caddyhttp.SetVar(ctx, exchangeVar, e)
	replacer.Map(e.placeholder)
	return true
}

// placeholder returns the value of a placeholder. Caddy's proxy sets all of them for
// each request; here each is made when something asks for it, and is there from the same
// moment on.
func (e *exchange) placeholder(name string) (any, bool) {
	name, ok := strings.CutPrefix(name, proxyPlaceholders)
	if !ok {
		return nil, false
	}
	if latest := e.latest.Load(); latest != nil { // the upload has been retried
		e = latest
	}
	switch name {
	case "upstream.address":
		return e.to.String(), true
	case "upstream.hostport":
		return e.to.Address, true
	case "upstream.host":
		return e.to.Host, true
	case "upstream.port":
		return e.to.Port, true
	// Those of other proxies: uploads that take the shortcut are not counted.
	case "upstream.requests":
		return e.to.Upstream.NumRequests(), true
	case "upstream.max_requests":
		return e.to.Upstream.MaxRequests, true
	case "upstream.fails":
		return e.to.Upstream.Fails(), true
	// The following are unknown until the exchange has ended, as in Caddy's proxy.
	case "duration":
		return e.duration, e.duration > 0
	case "duration_ms":
		return milliseconds(e.duration), e.duration > 0
	case "retries": // the number of further upstreams tried: there is only one
		return 0, e.whole
	}
	if e.response == nil {
		return nil, false
	}
	return e.responsePlaceholder(name)
}

// responsePlaceholder returns the value of a placeholder of the response.
func (e *exchange) responsePlaceholder(name string) (any, bool) {
	switch name {
	case "upstream.latency":
		return e.latency, true
	case "upstream.latency_ms":
		return milliseconds(e.latency), true
	case "upstream.duration":
		return e.duration, e.whole
	case "upstream.duration_ms":
		return milliseconds(e.duration), e.whole
	case "status_code":
		return e.response.StatusCode, true
	case "status_text":
		return e.response.Status, true
	}
	// By canonical name, which is how Caddy's proxy sets one placeholder per field.
	if field, ok := strings.CutPrefix(name, "header."); ok {
		values, ok := e.response.Header[field]
		return strings.Join(values, ","), ok
	}
	return nil, false
}

// milliseconds returns d as the placeholders in _ms show it.
func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
