// SPDX-License-Identifier: Apache-2.0

// Package demo is a page that uploads pictures in three ways that do not sign: a plain HTML
// form, the jQuery widget and File Uploader. All of them upload to a gateway. The page is
// served by the sandbox behind that gateway, where the uploads arrive and are shown. Beside it
// is a page that signs, on which File Uploader uploads straight to the sandbox.
//
// It is a plain [http.Handler] and does not know Caddy. Errors of options are returned by
// [New]; serving has none.
package demo

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// DefaultGateway is the address of the gateway in Caddyfile.example.
	DefaultGateway = "http://localhost:8080"
	// DefaultPublicKey is the sandbox's default.
	DefaultPublicKey = "demopublickey"

	// prefix is the path of everything but the page itself. No endpoint of the Upload
	// API begins with it.
	prefix        = "/demo/"
	scriptsPrefix = prefix + "scripts/"
	signedPage    = prefix + "signed.html"
	// signaturePath is where the page that signs asks for signatures. The handler there is
	// uploadcare_signature, which the user puts before the sandbox.
	signaturePath = "/api/uploadcare-signature"
)

// ErrGateway means that the option Gateway is not the URL of a gateway.
var ErrGateway = errors.New("the gateway must be an http or https URL such as " + DefaultGateway)

//go:embed page
var page embed.FS

var templates = template.Must(template.ParseFS(page, "page/index.html", "page/signed.html"))

// Options are the addresses and names in the page. Every empty field has a default.
type Options struct {
	// Gateway is the base URL to which the browser uploads. A path is kept.
	// Default: [DefaultGateway].
	Gateway string

	// PublicKey is the public key of the project. Default: [DefaultPublicKey].
	PublicKey string

	// Scripts is the source of the uploaders' scripts: the base URL of a CDN that serves
	// npm packages as <package>@<version>/<path>, or a directory of this machine with
	// <package>/<path>, such as npm's node_modules, which the page's own handler serves.
	// Default: [DefaultScripts].
	Scripts string
}

// Handler serves the page and its files.
type Handler struct {
	pages   map[string][]byte // by their paths
	policy  string            // Content-Security-Policy
	scripts http.Handler
}

// New returns a handler for the page. An error names the option that is wrong.
func New(options Options) (*Handler, error) {
	if options.Gateway == "" {
		options.Gateway = DefaultGateway
	}
	if options.PublicKey == "" {
		options.PublicKey = DefaultPublicKey
	}
	gateway, ok := parseBase(options.Gateway)
	if !ok {
		return nil, fmt.Errorf("%w, got %q", ErrGateway, options.Gateway)
	}
	from, err := newScripts(options.Scripts)
	if err != nil {
		return nil, err
	}
	// Executed once: the pages do not depend on the request.
	pages := make(map[string][]byte)
	for path, name := range map[string]string{"/": "index.html", signedPage: "signed.html"} {
		var html bytes.Buffer
		if err := templates.ExecuteTemplate(&html, name, map[string]any{
			"Gateway":   gateway.String(),
			"PublicKey": options.PublicKey,
			"Parts":     prefix,
			"Scripts":   from,
			"Signature": signaturePath,
		}); err != nil {
			return nil, err
		}
		pages[path] = html.Bytes()
	}
	return &Handler{pages, policy(origin(gateway), from.origin), from.handler}, nil
}

// Serves reports whether a path is that of the page or of one of its files. All others
// belong to the Upload API.
func Serves(path string) bool {
	return path == "/" || strings.HasPrefix(path, prefix)
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache") // an update of the binary shows at once
	path := r.URL.Path
	html, isPage := h.pages[path]
	switch {
	case isPage:
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", h.policy)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(html))
	case strings.HasPrefix(path, scriptsPrefix) && h.scripts != nil:
		http.StripPrefix(strings.TrimSuffix(scriptsPrefix, "/"), h.scripts).ServeHTTP(w, r)
	default:
		servePart(w, r)
	}
}

// parts are the static files of the page.
var parts = []string{"style.css", "uploads.js", "clients.js", "signed.js", "icon.svg"}

// servePart serves one of them.
func servePart(w http.ResponseWriter, r *http.Request) {
	for _, name := range parts {
		if r.URL.Path == prefix+name {
			http.ServeFileFS(w, r, page, "page/"+name)
			return
		}
	}
	http.NotFound(w, r)
}

// parseBase parses a base URL. One with more than scheme, host and path is refused, since
// the rest would be dropped. So is a host with a character that ends a directive or source
// in the page's policy: it is legal in a URL, and no real host has one.
func parseBase(text string) (*url.URL, bool) {
	address, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil {
		return nil, false
	}
	web := address.Scheme == "http" || address.Scheme == "https"
	plain := address.User == nil && address.RawQuery == "" && address.Fragment == ""
	host := address.Hostname() != "" && !strings.ContainsAny(address.Host, ";,'* ")
	return address, web && plain && host
}

// origin returns the origin of a URL, as a source of the policy.
func origin(address *url.URL) string { return address.Scheme + "://" + address.Host }

// policy returns the page's Content-Security-Policy. 'unsafe-inline' is needed because the
// uploaders style their elements inline. Large files are sent in parts to the sandbox's own
// address, which is not known here, so any port on loopback is allowed.
func policy(gateway, scripts string) string {
	return strings.Join([]string{
		"default-src 'none'",
		strings.TrimSpace("script-src 'self' " + scripts),
		strings.TrimSpace("style-src 'self' 'unsafe-inline' " + scripts),
		"img-src 'self' data: blob:",
		"media-src blob:",
		"connect-src 'self' " + gateway + " http://localhost:* http://127.0.0.1:*",
		"frame-src " + gateway,
		"form-action " + gateway,
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}
