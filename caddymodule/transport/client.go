// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net/http"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
)

// roundTripper is an [http.RoundTripper] with a connection pool.
type roundTripper interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newClient returns the client that replaces base, with base's options and functions that
// dial. plainOnly says that a connection over TLS may be for HTTP/2. To do without package
// client, return base here.
func newClient(base *http.Transport, plainOnly bool) roundTripper {
	return client.New(base, plainOnly)
}
