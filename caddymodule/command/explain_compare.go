// SPDX-License-Identifier: Apache-2.0

package command

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// compare finds what was taken out and put in, by reading both requests alike. It names
// fields, and shows none of their values.
func (e *explanation) compare(captured []byte) {
	if e.forwarded == nil {
		return
	}
	original, err := parse(captured)
	if err != nil {
		return
	}
	body, _ := io.ReadAll(original.Body) // as much of it as was captured
	after := e.forwarded.request
	// The request that left is read, and the handler not asked what it did: a fault of the
	// handler must show here, too.
	e.compareNames("query parameter", params(original.URL.RawQuery), params(after.URL.RawQuery))
	if before := partNames(original.Header, body); before != nil {
		e.compareParts(before, partNames(after.Header, e.forwarded.body))
	} else if e.endpoint != nil {
		e.compareNames("body parameter", params(string(body)), params(string(e.forwarded.body)))
	}
	e.compareNames("header", fields(original.Header), fields(after.Header))
}

// fields returns the fields of a header as `name=value`, without those of its framing.
func fields(header http.Header) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			if name != "Content-Length" {
				all = append(all, name+"="+value)
			}
		}
	}
	return all
}

// maxName is how much of a name is shown, in bytes. A body that is not urlencoded is one
// long name, and would fill the screen.
const maxName = 64

// compareNames notes which of some `name=value` were taken out, and which were put in. A
// name with a changed value is noted as both.
func (e *explanation) compareNames(kind string, before, behind []string) {
	nameOf := func(pair string) string {
		name, _, _ := strings.Cut(pair, "=")
		return kind + " " + name[:min(len(name), maxName)]
	}
	left := slices.Clone(behind)
	for _, pair := range before {
		if i := slices.Index(left, pair); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			e.takenOut = append(e.takenOut, nameOf(pair))
		}
	}
	for _, pair := range left {
		e.putIn = append(e.putIn, nameOf(pair))
	}
}

// compareParts notes the same for a form, whose stale fields are crossed out where they stand,
// and whose fresh ones come last. So parts are compared by their place.
func (e *explanation) compareParts(before, behind []string) {
	for i, name := range before {
		if i >= len(behind) || behind[i] != name {
			e.takenOut = append(e.takenOut, "form field "+name+" (crossed out in place)")
		}
	}
	for _, name := range behind[min(len(before), len(behind)):] {
		if name == "x" {
			name += " (makes up the promised length)"
		}
		e.putIn = append(e.putIn, "form field "+name)
	}
}

// params returns the parameters of a query or body as they are written.
func params(query string) (all []string) {
	for parameter := range strings.SplitSeq(query, "&") {
		if parameter != "" {
			all = append(all, parameter)
		}
	}
	return all
}

// partNames returns the names of a form's parts in order, nil if the body is no form.
func partNames(header http.Header, body []byte) []string {
	parts := readParts(header, body, nil)
	if parts == nil {
		return nil
	}
	return parts.names
}

// readParts reads a form with the editor, as the gateway does, and changes nothing.
func readParts(header http.Header, body []byte, watch func(value string)) *partReader {
	contentType, err := form.ParseContentType(header["Content-Type"])
	if err != nil || contentType.Media != form.MediaMultipart {
		return nil
	}
	if !contentType.Settled() {
		contentType.Settle(body, true)
	}
	parts := &partReader{names: []string{}}
	editor := form.NewEditor(io.NopCloser(strings.NewReader(string(body))), form.Edit{
		// As if it were chunked, so that no length is promised: the editor then completes a form
		// that lacks its end, instead of failing.
		Boundary: contentType.Boundary(), Observer: parts, Chunked: true,
		Stale: form.NewNames(), Watched: form.NewNames(uploadapi.FieldPublicKey, uploadapi.ParamPublicKey),
		Watch: func(_, value string) error {
			if watch != nil {
				watch(value)
			}
			return nil
		},
		Fresh: func() ([]form.Field, error) { return nil, nil },
	})
	_, _ = io.Copy(io.Discard, editor) // an error is the handler's to report; the parts before it count
	return parts
}

// partReader notes the names of a form's parts.
type partReader struct{ names []string }

// Begin implements [form.Observer].
func (p *partReader) Begin(part *form.Part) error {
	p.names = append(p.names, string(part.Name))
	return nil
}

// Content implements [form.Observer].
func (*partReader) Content([]byte) error { return nil }

// End implements [form.Observer].
func (*partReader) End() error { return nil }

// Ambiguous implements [form.Observer].
func (*partReader) Ambiguous() error { return nil }

// projectOf returns the project that a captured request names, as far as it is configured.
func (e *explanation) projectOf(signer *sign.Sign, captured []byte) string {
	r, err := parse(captured)
	if err != nil || e.endpoint == nil {
		return ""
	}
	body, _ := io.ReadAll(r.Body) // as much of it as was captured
	var key string
	note := func(value string) {
		if value = strings.TrimSpace(value); value != "" {
			key = value
		}
	}
	names := form.NewNames(uploadapi.FieldPublicKey, uploadapi.ParamPublicKey)
	watch := func(_, value string) error { note(value); return nil }
	_ = form.WatchQuery(r.URL.RawQuery, names, watch)
	if readParts(r.Header, body, note) == nil {
		_ = form.WatchQuery(string(body), names, watch)
	}
	for _, p := range signer.Projects {
		switch p.Name() {
		case key:
			return key
		case project.Any:
			return key + " (any project, *)"
		}
	}
	if key != "" {
		return key + " (not configured)"
	}
	return ""
}
