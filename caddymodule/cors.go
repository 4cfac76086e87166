// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

const (
	// preflightMaxAge is how long a browser may keep the answer to a preflight;
	// browsers cap it lower themselves.
	preflightMaxAge = 24 * time.Hour

	preflightMethods = "GET, POST, OPTIONS"
	exposedHeaders   = "Warning, Retry-After, " + requestIDHeader
)

// checkOrigins reports an error if one of origins is not spelled as browsers
// spell it: scheme, host and port, in lower case, without the default port
// (RFC 6454, section 6.2).
func checkOrigins(origins []string) error {
	for i, origin := range origins {
		parsed, err := url.Parse(origin)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" ||
			origin != parsed.Scheme+"://"+strings.ToLower(parsed.Host) ||
			parsed.Scheme == "http" && parsed.Port() == "80" || parsed.Scheme == "https" && parsed.Port() == "443" {
			return fmt.Errorf("cors: %q is not an origin such as https://www.example.com", origin)
		}
		if slices.Contains(origins[:i], origin) {
			return fmt.Errorf("cors: %s is there twice", origin)
		}
	}
	return nil
}

// unmarshalOrigins parses the arguments of `cors`.
func unmarshalOrigins(d *caddyfile.Dispenser) ([]string, error) {
	origins := d.RemainingArgs()
	if len(origins) == 0 {
		return nil, d.Errf("cors takes origins such as https://www.example.com")
	}
	if err := checkOrigins(origins); err != nil {
		return nil, d.WrapErr(err)
	}
	return origins, noBlock(d, "cors")
}

// askingOrigin returns the origin of the page that a request comes from, empty
// if there is none to be known, and whether it may use the gateway. A browser
// does not name it with everything that a page can send; then it says at least
// that it is another site's.
func askingOrigin(r *http.Request, origins []string) (origin string, allowed bool) {
	origin = r.Header.Get("Origin")
	if origin == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		return "", site != "cross-site" && site != "same-site"
	}
	return origin, slices.Contains(origins, origin) || isSameOrigin(r, origin)
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

// allowOrigin lets pages of one origin read the answer, whatever the upstream
// says.
func allowOrigin(header http.Header, origin string) {
	header.Set("Access-Control-Allow-Origin", origin)
	header.Del("Access-Control-Allow-Credentials")
	header.Set("Access-Control-Expose-Headers", exposedHeaders)
	if !slices.Contains(header.Values("Vary"), "Origin") {
		header.Add("Vary", "Origin")
	}
}
