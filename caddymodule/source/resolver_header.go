// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
)

// requestPlaceholders is how the names of placeholders of a request begin.
const requestPlaceholders = "http."

// transportHeaders are the transport's, as those about the connection are.
var transportHeaders = []string{"Accept-Encoding", "Content-Length", "Expect"}

// resolverHeader is a header that a resolver is asked with. All of its
// placeholders are replaced in one pass, so that none is found in what replaced
// another.
type resolverHeader struct {
	name      string
	raw       string
	settings  map[string]*setting // by placeholder: those that are replaced at load
	ofRequest bool                // there are others, too
}

// newResolverHeaders returns the headers, by name.
func newResolverHeaders(header http.Header) ([]*resolverHeader, error) {
	var headers []*resolverHeader
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			header, err := newResolverHeader(http.CanonicalHeaderKey(name), value)
			if err != nil {
				return nil, err
			}
			headers = append(headers, header)
		}
	}
	return headers, nil
}

func newResolverHeader(name, raw string) (*resolverHeader, error) {
	if !httpguts.ValidHeaderFieldName(name) {
		return nil, fmt.Errorf("header %q is no name of a header", name)
	}
	option := "header " + name
	if hop.IsConnection(name) || slices.Contains(transportHeaders, name) {
		return nil, fmt.Errorf("%s: it is the transport's", option)
	}
	h := &resolverHeader{name: name, raw: raw, settings: make(map[string]*setting)}
	for _, placeholder := range placeholders(raw) {
		if strings.HasPrefix(placeholder, requestPlaceholders) {
			h.ofRequest = true
			if err := checkRequestPlaceholder(placeholder); err != nil {
				return nil, fmt.Errorf("%s: %w", option, err)
			}
			continue
		}
		setting, err := newSetting(option, "{"+placeholder+"}")
		if err != nil {
			return nil, err
		}
		h.settings[placeholder] = setting
	}
	return h, h.check()
}

// placeholders returns the names of those in a text.
func placeholders(text string) (names []string) {
	replacer := caddy.NewEmptyReplacer()
	replacer.Map(func(name string) (any, bool) {
		names = append(names, name)
		return nil, true
	})
	replacer.ReplaceAll(text, "")
	return names
}

// checkRequestPlaceholder checks the name of a placeholder of the request, as
// far as it is not another handler that sets it.
func checkRequestPlaceholder(name string) error {
	const ofRequest = "http.request."
	if strings.HasPrefix(name, ofRequest+"body") {
		return fmt.Errorf("{%s}: an upload is not held until it has arrived", name)
	}
	ctx := context.WithValue(context.Background(), http.LocalAddrContextKey, new(net.TCPAddr))
	request := (&http.Request{Header: make(http.Header), URL: new(url.URL)}).WithContext(ctx)
	replacer := caddy.NewReplacer()
	caddyhttp.PrepareRequest(request, replacer, nil, nil)
	if _, known := replacer.Get(name); !known && strings.HasPrefix(name, ofRequest) {
		return fmt.Errorf("there is no placeholder {%s}", name)
	}
	return nil
}

// replaceAll replaces the placeholders. It reports whether any of the request
// had a value.
func (h *resolverHeader) replaceAll(ofRequest func(name string) (any, bool)) (value string, given bool) {
	replacer := caddy.NewEmptyReplacer()
	replacer.Map(func(name string) (any, bool) {
		if setting, ok := h.settings[name]; ok {
			return setting.get(), true
		}
		if ofRequest == nil {
			return nil, true
		}
		value, _ := ofRequest(name)
		given = given || caddy.ToString(value) != ""
		return value, true
	})
	return replacer.ReplaceAll(h.raw, ""), given
}

// check checks the value, as far as it does not depend on the request.
func (h *resolverHeader) check() error {
	value, _ := h.replaceAll(nil)
	switch {
	case !httpguts.ValidHeaderFieldValue(value):
		return fmt.Errorf("header %s: there is a line break or another control character in its value", h.name)
	case !h.ofRequest && strings.TrimSpace(value) == "":
		return fmt.Errorf("header %s is empty", h.name)
	}
	return nil
}

var errRequestHeader = errors.New("a value of the request cannot be sent on")

// value returns what is sent, or an empty string if the request has nothing to
// send.
func (h *resolverHeader) value(ofRequest func(name string) (any, bool)) (string, error) {
	value, given := h.replaceAll(ofRequest)
	switch {
	case h.ofRequest && ofRequest == nil:
		return "", fmt.Errorf("header %s depends on the request", h.name)
	case h.ofRequest && !given:
		return "", nil
	case httpguts.ValidHeaderFieldValue(value) && strings.TrimSpace(value) != "":
		return value, nil
	}
	if err := h.check(); err != nil { // a file has changed
		return "", err
	}
	return "", fmt.Errorf("%w: header %s: %w", ErrRefused, h.name, errRequestHeader)
}

// addTo adds the header to a key, without values of a request.
func (h *resolverHeader) addTo(key *strings.Builder) {
	_, _ = fmt.Fprintf(key, " %q:%q", h.name, h.raw)
	for _, placeholder := range slices.Sorted(maps.Keys(h.settings)) {
		_, _ = fmt.Fprintf(key, "=%q", h.settings[placeholder].get())
	}
}
