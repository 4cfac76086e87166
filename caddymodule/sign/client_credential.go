// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// clientCredential is what a client has sent as a credential of its own. Where it has sent
// several, the last that is not empty counts.
type clientCredential struct {
	sent              bool
	signature, expire string
	bearer            string // counts if no field was sent
}

// bearerOf returns what stands behind `Bearer` in a request's header, or an empty string.
func bearerOf(header http.Header) string {
	values := header["Authorization"]
	if len(values) == 0 {
		return ""
	}
	scheme, bearer, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(bearer)
}

// take takes a field that was removed.
func (c *clientCredential) take(name, value string) {
	switch name {
	case uploadapi.FieldSignature, uploadapi.FieldIframeSignature:
		if c.sent = true; value != "" {
			c.signature = value
		}
	case uploadapi.FieldExpire, uploadapi.FieldIframeExpire:
		if c.sent = true; value != "" {
			c.expire = value
		}
	}
}

// takeParams takes the credential of a query string or a urlencoded body.
func (c *clientCredential) takeParams(params string) {
	if params != "" {
		_ = form.WatchQuery(params, staleFields, func(name, value string) error {
			c.take(name, value)
			return nil
		})
	}
}

// countClient counts the upload by its client and what that has sent, when all of the body
// was read and the project is known.
func (a *attempt) countClient() {
	if a.number > 0 {
		return
	}
	state := &noCredentialState
	switch {
	case a.own.sent:
		of := a.project.StateOf(a.own.signature, a.own.expire)
		state = &of
	case a.own.bearer != "":
		of := a.project.StateOfAccessToken(a.own.bearer)
		state = &of
	}
	a.state.Store(state)
	a.project.ClientSent(a.family, *state)
}

// noCredentialState is for nearly all uploads: they need an allocation less.
var noCredentialState = project.CredentialNone
