// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

// requestPlaceholders is the prefix of the names of a request's placeholders.
const requestPlaceholders = "http."

// transportHeaders are the headers that Go's transport sets itself, as it does those of the
// connection. Set here, they would be ignored, or contradict what is sent.
var transportHeaders = []string{"Accept-Encoding", "Content-Length", "Expect"}

// resolverHeader is a header of a resolver's requests. All of its placeholders are replaced
// in one pass. In two, a client could send the name of a secret's placeholder in a header
// of its own, and the second pass would replace it by the secret.
type resolverHeader struct {
	name      string
	raw       string
	settings  map[string]*setting // by placeholder: those of the environment and of files
	ofRequest bool                // raw has placeholders of the request, too
}

// newResolverHeaders returns the headers, sorted by name, so that equal configs have equal
// cache keys.
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
		return nil, fmt.Errorf("header %q is not a valid header name", name)
	}
	subject := "header " + name
	if hop.IsConnection(name) || slices.Contains(transportHeaders, name) {
		return nil, fmt.Errorf("%s: it is set by the transport", subject)
	}
	h := &resolverHeader{name: name, raw: raw, settings: make(map[string]*setting)}
	for _, placeholder := range option.Placeholders(raw) {
		if strings.HasPrefix(placeholder, requestPlaceholders) {
			h.ofRequest = true
			if err := option.CheckRequestPlaceholder(placeholder); err != nil {
				return nil, fmt.Errorf("%s: %w", subject, err)
			}
			continue
		}
		setting, err := newSetting(subject, "{"+placeholder+"}")
		if err != nil {
			return nil, err
		}
		h.settings[placeholder] = setting
	}
	return h, h.check()
}

// replaceAll returns the header's value, and whether any placeholder of the request had a
// value in it. If requestValue is nil, those are empty.
func (h *resolverHeader) replaceAll(requestValue func(name string) (any, bool)) (value string, given bool) {
	replacer := caddy.NewEmptyReplacer()
	replacer.Map(func(name string) (any, bool) {
		if setting, ok := h.settings[name]; ok {
			return setting.get(), true
		}
		if requestValue == nil {
			return nil, true
		}
		value, _ := requestValue(name)
		given = given || caddy.ToString(value) != ""
		return value, true
	})
	return replacer.ReplaceAll(h.raw, ""), given
}

// check checks the value, as far as it does not depend on the request: a line break in a
// file would fail each request, or be sent as a further header.
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

var errRequestHeader = errors.New("a value of the request cannot be sent in a header")

// value returns what is sent, or an empty string if the header is to be left out. A value
// of the request that cannot be sent refuses the upload and not the source, or a client
// could have the source taken for failing.
func (h *resolverHeader) value(requestValue func(name string) (any, bool)) (string, error) {
	value, given := h.replaceAll(requestValue)
	switch {
	case h.ofRequest && requestValue == nil:
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

// appendKey appends the header to a cache key, without values of a request.
func (h *resolverHeader) appendKey(key *strings.Builder) {
	_, _ = fmt.Fprintf(key, " %q:%q", h.name, h.raw)
	for _, placeholder := range slices.Sorted(maps.Keys(h.settings)) {
		_, _ = fmt.Fprintf(key, "=%q", h.settings[placeholder].get())
	}
}
