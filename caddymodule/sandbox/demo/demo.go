// SPDX-License-Identifier: Apache-2.0

// Package demo is a page that uploads pictures in three ways that know nothing
// of signatures: a plain HTML form, the jQuery widget and File Uploader. All
// are pointed at a gateway; the page itself is served by the sandbox behind
// it, where the uploads arrive and are shown.
//
// It is a plain [http.Handler] and knows nothing of Caddy.
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
	// DefaultGateway is where the gateway of the example listens.
	DefaultGateway = "http://localhost:8080"
	// DefaultPublicKey is the sandbox's own default.
	DefaultPublicKey = "demopublickey"

	// prefix is where everything but the page itself lives. No endpoint of the
	// Upload API begins like this.
	prefix        = "/demo/"
	scriptsPrefix = prefix + "scripts/"
)

// ErrGateway says that the gateway's address is not one.
var ErrGateway = errors.New("the gateway must be an http or https URL such as " + DefaultGateway)

//go:embed page
var page embed.FS

var pageTemplate = template.Must(template.ParseFS(page, "page/index.html"))

// Options say where the page finds its surroundings. Every empty field has a
// default.
type Options struct {
	// Gateway is the base URL to which the browser uploads. A path is kept.
	// Default: [DefaultGateway].
	Gateway string

	// PublicKey is the project's. Default: [DefaultPublicKey].
	PublicKey string

	// Scripts is where the uploaders' scripts come from: the base URL of a CDN
	// that serves npm packages as <package>@<version>/<path>, or a directory of
	// this machine that holds them as <package>/<path>, as npm's node_modules
	// does; it is then served by the page's own handler.
	// Default: [DefaultScripts].
	Scripts string
}

// Handler serves the page and its parts.
type Handler struct {
	html    []byte
	policy  string // Content-Security-Policy
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
	var html bytes.Buffer
	if err := pageTemplate.Execute(&html, map[string]any{
		"Gateway":   gateway.String(),
		"PublicKey": options.PublicKey,
		"Parts":     prefix,
		"Scripts":   from,
	}); err != nil {
		return nil, err
	}
	return &Handler{html.Bytes(), policy(origin(gateway), from.origin), from.handler}, nil
}

// Serves reports whether a path is the page's or that of one of its parts. All
// others belong to the Upload API.
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
	header.Set("Cache-Control", "no-cache")
	path := r.URL.Path
	switch {
	case path == "/":
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", h.policy)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.html))
	case strings.HasPrefix(path, scriptsPrefix) && h.scripts != nil:
		http.StripPrefix(strings.TrimSuffix(scriptsPrefix, "/"), h.scripts).ServeHTTP(w, r)
	default:
		servePart(w, r)
	}
}

// parts are the static files beside the page.
var parts = []string{"style.css", "uploads.js", "clients.js", "icon.svg"}

func servePart(w http.ResponseWriter, r *http.Request) {
	for _, name := range parts {
		if r.URL.Path == prefix+name {
			http.ServeFileFS(w, r, page, "page/"+name)
			return
		}
	}
	http.NotFound(w, r)
}

// parseBase reads a base URL, of which all but scheme, host and path would be
// lost. The characters that end a directive or a source of the policy are legal
// in a host, but no host has them.
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

func origin(address *url.URL) string { return address.Scheme + "://" + address.Host }

// policy is the page's Content-Security-Policy. The uploaders style their
// elements inline. Large files go in parts to addresses that the sandbox makes
// up, which is known here under its loopback names only.
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
