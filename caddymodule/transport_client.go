// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"net/http"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
)

// newClient returns what sends requests over connections that the functions of
// base make, as base itself could. plainOnly says that those over TLS may be for
// HTTP/2.
func newClient(base *http.Transport, plainOnly bool) *client.Client {
	return client.New(base, plainOnly)
}
