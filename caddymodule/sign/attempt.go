// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/tracing"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// attempt is one sending of an upload: the request as it leaves, the credential that it
// leaves with, and what has been read of the form so far. A retry is an attempt of its
// own, so that the proxy, which may still be reading the body of the one before, changes
// nothing of this one.
type attempt struct {
	*upload

	number  int // 0 for the first
	ctx     context.Context
	source  io.ReadCloser // of a form: the client's body, or the copy that was kept of it
	signing project.Signing

	// publicKey and project are nothing until the form, or the query, has named them.
	// They belong to the goroutine that reads the form.
	publicKey string
	project   *project.Project
	queried   bool // the query has been read for them
	// chosen is project, for the handler's goroutine, which counts outcomes while the
	// proxy may still be reading the form.
	chosen   atomic.Pointer[project.Project]
	inHeader bool // the credential is in the header, none goes into the form

	judge    *policy.Judge // nil if no project has rules
	passed   []string      // contested fields that were left in the form
	foreign  bool          // some server may decode values by a charset other than UTF-8
	boundary string        // of the form; empty if there is none
	promised int           // by how many bytes the form becomes longer
	fills    bool          // there is room for a field that makes up the length

	request  *http.Request  // as it leaves
	form     *multipartBody // nil if the credential goes elsewhere
	observed *observedConnection
	sent     redact.Credential
	handed   handover.Request

	// In place: parts of request, form and the fresh fields, for fewer allocations.
	url    url.URL
	edited multipartBody
	fields [3]form.Field // the third may fill up the form
}

// prepare makes the request that leaves out of a copy of the client's, which it does not
// change: placeholders, logs and error routes go on showing that one, and a retry begins
// with it.
func (a *attempt) prepare(r *http.Request) (err error) {
	ctx, observed := a.sign.offsets.observe(a.ctx)
	if a.client != nil {
		a.handed.Interrupter = a
	}
	a.handed.Sent = &a.sent // its value is known, and set, when the form has been read
	request := r.WithContext(handover.With(ctx, &a.handed))
	a.url = *r.URL
	// The path leaves in the one spelling that every server takes for the endpoint whose
	// rules were applied. One that does not resolve dots would take /base/../group/ for
	// something below /base/.
	a.url.Path, a.url.RawPath = a.endpoint.Path, ""
	request.URL, request.Header = &a.url, cloneHeader(r.Header)
	request.Method = a.method
	// A compressed response could not be examined for a rejection, nor for a credential
	// that it repeats. The service's responses are small, so little is lost.
	setCloned(request.Header, "Accept-Encoding", "identity")
	// The service switches to no other protocol. A server that did would have a connection
	// to the client on which nothing is edited or redacted.
	drop(request.Header, "Upgrade")
	drop(request.Header, "Connection")
	a.request, a.observed = request, observed
	a.form, err = a.edit(request)
	return err
}

// cloneHeader is [http.Header.Clone], in one pass over the fields instead of two: of each
// upload, that is a tenth of what the handler does. There is room for what the handler and
// the proxy add, so that the map need not grow, which takes as long as to make it.
func cloneHeader(header http.Header) http.Header {
	const added = 6 // Accept-Encoding, Authorization, Via and three of X-Forwarded
	clone := make(http.Header, len(header)+added)
	all := make([]string, 0, len(header)+1)
	for name, values := range header {
		if values == nil { // says something else to a proxy than no values do
			clone[name] = nil
			continue
		}
		begin := len(all)
		all = append(all, values...)
		clone[name] = all[begin:len(all):len(all)]
	}
	return clone
}

// setCloned sets a field of a header that cloneHeader has returned. If there is one, its
// value is replaced in place: no other header shares it.
func setCloned(header http.Header, name, value string) {
	if values := header[name]; len(values) == 1 {
		values[0] = value
		return
	}
	header[name] = []string{value}
}

// Interrupt implements [handover.Interrupter]. The body of a retry is in memory: no Read
// of it waits, and a deadline would meet the client's next request.
func (a *attempt) Interrupt() {
	if a.number == 0 {
		a.client.interrupt(a.writer)
	}
}

// send passes the request to the next handlers. It returns the refusal that is to take
// the place of the upstream's response, or nil, and the next handlers' error.
func (a *attempt) send(response *responseWriter, next caddyhttp.Handler) (*refusal, error) {
	response.body, response.sent = a.form, &a.sent
	request, span := a.request, (*tracing.Span)(nil)
	if a.traced {
		var ctx context.Context
		ctx, span = tracing.Start(request.Context(), "upload", a.method, "")
		request = request.WithContext(ctx)
		if a.sign.TraceUpstream {
			span.Inject(ctx, request.Header)
		}
	}
	ended := func(failure string) {
		a.responded(response.status)
		if span != nil {
			span.Address(upstreamPlaceholder(request, "host"))
		}
		span.End(response.status, failure)
	}
	var err error
	returned := false
	// Also if the proxy panics, as it does if the response breaks off.
	defer func() {
		if !returned {
			ended(project.ReasonReset)
		}
	}()
	err = redactError(&a.sent, next.ServeHTTP(response, request))
	returned = true
	ended(spanFailure(err, response.status))
	if a.form != nil {
		refusal := a.form.refusal.Load()
		// The proxy's goroutine may still be reading. It gets nothing more: the client's
		// body is to be discarded by the handler alone.
		_ = a.form.Close()
		// After a response, an error of the form does not matter: the proxy may read on
		// after its own Close, or this one.
		if refusal != nil && response.status == 0 {
			return refusal, err
		}
	}
	refusal := response.failure(err)
	if refusal == nil && err == nil && response.status == 0 && !response.hijacked {
		refusal = withoutResponse(a.ctx)
	}
	return refusal, err
}

// upstreamPlaceholder returns a placeholder of the upstream that Caddy's proxy has chosen
// for a request, or an empty string.
func upstreamPlaceholder(r *http.Request, name string) string {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	value, _ := replacer.GetString("http.reverse_proxy.upstream." + name)
	return value
}

// spanFailure returns the type of an attempt's error for its span.
func spanFailure(err error, status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return strconv.Itoa(status)
	case err == nil || status != 0:
		return ""
	}
	if refusal := upstreamFailure(err); refusal != nil {
		return refusal.upstreamReason()
	}
	return project.ReasonOther
}
