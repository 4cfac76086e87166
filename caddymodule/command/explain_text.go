// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
)

// write writes the explanation for people.
func (e *explanation) write(out io.Writer) error {
	t := newTable(out)
	t.line("request", fmt.Sprintf("%s %s, host %s", e.request.Method, e.request.URL.EscapedPath(), e.request.Host))
	e.writeSite(t)
	if e.site == nil {
		return t.to.Flush()
	}
	t.line("endpoint", e.endpointText())
	t.line("project", e.project)
	if e.forwarded == nil {
		if e.code == "" && e.status < http.StatusBadRequest {
			t.line("responds", fmt.Sprintf("%d, by itself: the request is a CORS preflight", e.status))
			return t.to.Flush()
		}
		t.line("refused", fmt.Sprintf("%d %s", e.status, e.text))
		t.line("code", e.code)
		t.line("rule", ruleOf(e.code))
		return t.to.Flush()
	}
	for _, name := range e.takenOut {
		t.line("taken out", name)
	}
	for _, name := range e.putIn {
		t.line("put in", name)
	}
	if err := t.to.Flush(); err != nil {
		return err
	}
	target := e.forwarded.request.URL.RequestURI()
	// A request that is not signed passes with the client's own credential in its query. The
	// handler has taken it out of RequestURI, which logs show.
	if e.endpoint == nil {
		target = e.forwarded.request.RequestURI
	}
	_, err := fmt.Fprintf(out, "\n%s%s\n", printable(e.forwarded.head(target)), shown(e.forwarded.body))
	return err
}

// writeSite writes which site the request reaches.
func (e *explanation) writeSite(t *table) {
	if e.site == nil {
		t.line("site", "none: a request with this host and path reaches no uploadcare_sign")
		for _, site := range e.sites {
			text := "there is one in " + site.name()
			if taken, ok := e.reach.taken[site]; ok {
				text += "; before it, this request is taken by " + taken
			}
			if slices.Contains(e.reach.others, site) {
				text += ", of the server on " + strings.Join(site.listen, ", ") + ", which this request fits on another port: name that in Host"
			}
			t.line("", text)
		}
		return
	}
	name := e.site.name()
	if len(e.reach.others)+len(e.reach.stopped) > 0 {
		name += ", of the server on " + strings.Join(e.site.listen, ", ")
	}
	t.line("site", name)
	for _, other := range e.reach.others {
		t.line("or", other.name()+", of the server on "+strings.Join(other.listen, ", ")+", which this request fits as well: name the port in Host")
	}
	for _, p := range e.reach.stopped {
		t.line("or", "none: before "+p.site.name()+", of the server on "+strings.Join(p.site.listen, ", ")+", which this request fits as well, it is taken by "+p.taken+": name the port in Host")
	}
	for _, text := range e.reach.unless {
		t.line("unless", "a route before it takes the request: "+text)
	}
	var names []string
	for i := range e.site.before {
		names = append(names, e.site.before[i].String())
	}
	t.line("before it", strings.Join(names, ", "))
}

// endpointText says whether the request is signed, and otherwise what is done to it all the same.
func (e *explanation) endpointText() string {
	if e.endpoint == nil {
		return "none that is signed: passed on as it is, without Cookie and Authorization"
	}
	return e.endpoint.Path + ", signed"
}

// rules names what refuses an upload, by the code of the refusal: an option of the policy or
// the handler, or what is wrong with the request.
var rules = map[string]string{
	policy.ErrEndpoint.Code:              "endpoints",
	policy.ErrSourceURL.Code:             "from_url",
	policy.ErrMetadata.Code:              "metadata",
	uploadapi.ErrFileTooLarge.Code:       "max_file_size",
	uploadapi.ErrMultipartTooLarge.Code:  "max_file_size",
	uploadapi.ErrFileType.Code:           "types",
	uploadapi.ErrTooManyFiles.Code:       "max_files",
	uploadapi.ErrIframeTooManyFiles.Code: "max_files",
	uploadapi.ErrRequestSizeLimit.Code:   "the largest size that can be signed, or a limit of another handler",
	uploadapi.PublicKeyInvalid("").Code:  "the projects of the config",
	uploadapi.PublicKeyRequired("").Code: "the public key, which a request must name",
	uploadapi.ErrParserFailed.Code:       "what servers must be able to read: docs/errors.md#forms-that-cannot-be-parsed",
	"GatewayOriginError":                 "cors",
	"GatewayPublicKeyConflictError":      "one public key in a request",
	"GatewayIncompleteError":             "the captured request is not complete",
}

// ruleOf returns what refuses with a code. Codes that are not listed are explained in a document,
// so that none is without a remedy.
func ruleOf(code string) string {
	if rule, ok := rules[code]; ok || code == "" {
		return rule
	}
	return "docs/errors.md#responses-to-clients"
}

// loopID matches the mark by which a gateway recognizes its own requests. It is random for each
// load of a config, and would make each output differ.
var loopID = regexp.MustCompile(`(caddy-uploadcare; id=)[a-z0-9]+`)

// head returns the request line with a target, and the header, sorted by name.
func (f *forwarded) head(target string) []byte {
	var head bytes.Buffer
	r := f.request
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, target, r.Host)
	// net/http writes the framing from the request's fields, and ignores the header's.
	header := r.Header.Clone()
	header.Del("Content-Length")
	header.Del("Transfer-Encoding")
	switch {
	case r.ContentLength > 0 || r.ContentLength == 0 && r.Method == http.MethodPost:
		header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	case r.ContentLength < 0 && (len(f.body) > 0 || r.Method == http.MethodPost): // clients look whether that of a GET is empty
		header.Set("Transfer-Encoding", "chunked") //nolint:gosec // one of the two
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(&head, "%s: %s\r\n", name, loopID.ReplaceAllString(value, "${1}~"))
		}
	}
	head.WriteString("\r\n")
	return head.Bytes()
}

// maxShown is how much of a body is shown, from its beginning and from its end, where the
// credential stands.
const maxShown = 2 << 10

// shown returns a body for a terminal, with its middle left out if it is large.
func shown(body []byte) string {
	if len(body) <= 2*maxShown {
		return printable(body)
	}
	return printable(body[:maxShown]) + fmt.Sprintf("\n[%d bytes, see --raw]\n", len(body)-2*maxShown) + printable(body[len(body)-maxShown:])
}

// printable returns a text with its unprintable characters escaped, except line ends: a
// captured request may have sequences that a terminal would obey.
func printable(text []byte) string {
	var all strings.Builder
	for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n") {
		quoted := strconv.Quote(line)
		all.WriteString(strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1:len(quoted)-1]) + "\n")
	}
	return strings.TrimSuffix(all.String(), "\n")
}
