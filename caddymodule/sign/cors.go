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
	// preflightMaxAge is how long a browser may keep the answer to a preflight;
	// browsers cap it lower themselves.
	preflightMaxAge = 24 * time.Hour

	preflightMethods = "GET, POST, OPTIONS"
	exposedHeaders   = "Warning, Retry-After, " + requestIDHeader
)

// askingOrigin returns the origin of the page that a request comes from, empty
// if there is none to be known, and whether it may use the gateway. A browser
// does not name it with everything that a page can send; then it says at least
// that it is another site's.
func askingOrigin(r *http.Request, allow origins) (origin string, allowed bool) {
	origin = r.Header.Get("Origin")
	if origin == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		return "", site != "cross-site" && site != "same-site"
	}
	return origin, allow.contains(origin) || isSameOrigin(r, origin)
}

// isSameOrigin reports whether a page came from the gateway's own host. TLS may
// end before it.
func isSameOrigin(r *http.Request, origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	return strings.EqualFold(host, r.Host) && (scheme == "https" || scheme == "http" && r.TLS == nil)
}

// isPreflight reports whether a browser asks what it may send (Fetch standard,
// "CORS-preflight request").
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// answerPreflight lets a page send what it wants to. If its origin is not
// allowed that is to be refused, with an answer that the page can read: a
// preflight that fails tells it nothing.
func answerPreflight(w http.ResponseWriter, r *http.Request, allowed bool) {
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

// allowOrigin lets pages of one origin read the response, whatever the upstream
// says. If the origin is allowed, they may send the passwords, cookies and
// certificates that a browser has for the gateway, by which what stands before it
// knows its users; but not from the origin null, which any page can make itself
// have (Fetch standard, "CORS protocol and credentials").
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

// addVaryOrigin keeps caches from giving one origin's response to another's page.
func addVaryOrigin(header http.Header) {
	if !slices.Contains(header.Values("Vary"), "Origin") {
		header.Add("Vary", "Origin")
	}
}

// setCORS makes an answer of the gateway's own readable by the page that caused
// it.
func (g *gateway) setCORS(header http.Header, r *http.Request) {
	if origin, allowed := askingOrigin(r, g.origins); origin != "" && g.origins.listed {
		allowOrigin(header, origin, allowed)
		return
	}
	uploadapi.SetCORS(header, preflightMethods)
	header.Del("Access-Control-Allow-Credentials") // which says nothing beside `*`
	header.Set("Access-Control-Expose-Headers", exposedHeaders)
}

// allowOrigin lets the page read the answer that has its origin allowed.
func (a *answerWriter) allowOrigin() {
	switch header := a.Header(); {
	case a.origin != "":
		allowOrigin(header, a.origin, a.allowed)
	case a.cors:
		addVaryOrigin(header)
	}
}
