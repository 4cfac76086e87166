// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// preflightMaxAge is how long a browser may cache the response to a preflight. It is
	// the longest that any browser grants; others have lower bounds of their own.
	preflightMaxAge = 24 * time.Hour

	// preflightMethods are those of the Upload API, as in its own responses.
	preflightMethods = "GET, POST, OPTIONS"
	// exposedHeaders are those that a page's script can read: the service's own
	// (Warning, the request's ID), and when to retry.
	exposedHeaders = "Warning, Retry-After, " + requestIDHeader
)

// requestOrigin returns the origin of the page that a request comes from, empty if the
// request names none, and whether it may use the gateway. Browsers leave Origin out of
// some requests that a page can cause, such as those of images (Fetch standard, "Origin
// header"), but say in Sec-Fetch-Site that another site is behind them: without that
// check, any page could have /from_url/ called by GET.
func requestOrigin(r *http.Request, allow origins) (origin string, allowed bool) {
	origin = r.Header.Get("Origin")
	if origin == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		return "", site != "cross-site" && site != "same-site"
	}
	return origin, allow.contains(origin) || isSameOrigin(r, origin)
}

// isSameOrigin reports whether a page came from the gateway's own host. If TLS ends
// before the gateway, the page's scheme is https although the request's is http.
func isSameOrigin(r *http.Request, origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	return strings.EqualFold(host, r.Host) && (scheme == "https" || scheme == "http" && r.TLS == nil)
}

// isPreflight reports whether a request is a browser's question what a page may send
// (Fetch standard, "CORS-preflight request").
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// respondToPreflight permits whatever the page wants to send, also if its origin is not
// allowed: the request itself is then refused with a reason that the page can read. A
// preflight that fails is a network error to the page's script, without a reason. Such a
// permission is not to be cached, for the origin may be allowed by the next config.
func respondToPreflight(w http.ResponseWriter, r *http.Request, allowed bool) {
	maxAge := preflightMaxAge
	if !allowed {
		maxAge = 0
	}
	header := w.Header()
	header.Add("Vary", "Access-Control-Request-Headers")
	header.Set("Access-Control-Allow-Methods", preflightMethods)
	if requested := r.Header.Get("Access-Control-Request-Headers"); requested != "" {
		header.Set("Access-Control-Allow-Headers", requested)
	}
	header.Set("Access-Control-Max-Age", strconv.Itoa(int(maxAge.Seconds())))
	w.WriteHeader(http.StatusNoContent)
}

// allowOrigin lets pages of one origin read the response, whatever the upstream says of
// it. If the origin is allowed, requests may carry the passwords, cookies and
// certificates that the browser has for the gateway, by which an authenticating handler
// before it knows its users. Not so for the origin null: any page can get it in a
// sandboxed frame, and would upload in the name of its visitor.
func allowOrigin(header http.Header, origin string, allowed bool) {
	header.Set("Access-Control-Allow-Origin", origin)
	if allowed && origin != nullOrigin {
		header.Set("Access-Control-Allow-Credentials", "true")
	} else {
		header.Del("Access-Control-Allow-Credentials")
	}
	header.Set("Access-Control-Expose-Headers", exposedHeaders)
	addVaryOrigin(header)
}

// addVaryOrigin keeps caches from giving the response for one origin to a page of another,
// whose browser would refuse it (Fetch standard, "CORS protocol and HTTP caches").
func addVaryOrigin(header http.Header) {
	if !slices.Contains(header.Values("Vary"), "Origin") {
		header.Add("Vary", "Origin")
	}
}

// setCORS makes a refusal readable by the page that caused it. Without configured origins
// it is as readable as the service's own responses, by all.
func (g *gateway) setCORS(header http.Header, r *http.Request) {
	if origin, allowed := requestOrigin(r, g.origins); origin != "" && g.origins.listed {
		allowOrigin(header, origin, allowed)
		return
	}
	uploadapi.SetCORS(header, preflightMethods)
	header.Del("Access-Control-Allow-Credentials") // browsers refuse it beside `*`
	header.Set("Access-Control-Expose-Headers", exposedHeaders)
}

// allowOrigin lets the page that sent the request read the response.
func (w *responseWriter) allowOrigin() {
	switch header := w.Header(); {
	case w.origin != "":
		allowOrigin(header, w.origin, w.allowed)
	case w.cors:
		addVaryOrigin(header)
	}
}
