// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net/http"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
)

// roundTripper sends requests over connections that it keeps.
type roundTripper interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newClient returns what sends requests over connections that the functions of
// base make, as base itself could. plainOnly says that those over TLS may be for
// HTTP/2.
func newClient(base *http.Transport, plainOnly bool) roundTripper {
	return client.New(base, plainOnly)
}
