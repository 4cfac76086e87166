// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
)

// pass passes a request on that is not to be signed. If the next handlers fail, the
// client gets the same refusal as for an upload, which its SDK understands.
func (s *Sign) pass(response *responseWriter, r *http.Request, next caddyhttp.Handler) error {
	passed := withLoggableQuery(r)
	ctx, observed := s.offsets.observe(passed.Context())
	if observed != nil {
		passed = passed.WithContext(ctx)
	}
	err := redactError(handover.CredentialOf(ctx), next.ServeHTTP(response, passed))
	if observed != nil {
		s.compareClocks(response, observed)
	}
	if refusal := response.failure(err); refusal != nil {
		return s.refuse(response.ResponseWriter, r, response.incoming, refusal)
	}
	return response.end(err)
}

// withLoggableQuery returns r as it is passed on. What is sent is unchanged, but the
// request line that logs show has no stale field in its query, and the values of stale
// fields are redacted if an upstream's error quotes them: a client's signature is as good
// as the gateway's until it expires. A query that servers read in several ways is not
// logged at all.
func withLoggableQuery(r *http.Request) *http.Request {
	stripped := form.StripQuery(r.URL.RawQuery, staleFields)
	if form.HidesParameter(stripped, staleFields) {
		stripped = ""
	}
	if stripped == r.URL.RawQuery {
		return r
	}
	shown := *r.URL
	shown.RawQuery = stripped
	passed := r.WithContext(handover.With(r.Context(), &handover.Request{Sent: clientsCredentials(r.URL.RawQuery)}))
	passed.RequestURI = shown.RequestURI()
	return passed
}

// minCredential is the length from which on the value of a stale field is redacted, in
// bytes. The shortest signature, an MD5, has 32. An expiry has 10, and redacting all
// equal numbers would garble responses.
const minCredential = 16

// clientsCredentials returns the values of the stale fields in a query, both as they
// stand there and decoded, for upstreams quote either; or nil.
func clientsCredentials(query string) (last *redact.Credential) {
	add := func(value string) {
		if len(value) >= minCredential {
			last = &redact.Credential{Before: last, Clients: true}
			last.Set(value)
		}
	}
	for parameter := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		_, value, found := strings.Cut(parameter, "=")
		if !found || form.StripQuery(parameter, staleFields) != "" {
			continue
		}
		add(value)
		if decoded, err := url.QueryUnescape(value); err == nil && decoded != value {
			add(decoded)
		}
	}
	return last
}
