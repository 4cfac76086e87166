// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"crypto/rand"
	"net/http"
	"strings"
)

const (
	// loopHeader is CDN-Loop (RFC 8586), as net/http spells it: each gateway on the way
	// adds itself, and none may take it out.
	loopHeader = "Cdn-Loop"
	loopName   = "caddy-uploadcare"
)

// newLoopMark returns the value that a handler adds to the requests that it passes on.
// It is random for each handler, so that several gateways in a row are no loop.
func newLoopMark() string {
	return loopName + "; id=" + strings.ToLower(rand.Text())
}

// isLooped reports whether a request has come through the handler with the given mark
// before, since the upstream's address leads back to the gateway. Such a request would
// go round until all connections are taken.
func isLooped(header http.Header, mark string) bool {
	for _, value := range header[loopHeader] {
		for hop := range strings.SplitSeq(value, ",") {
			if strings.TrimSpace(hop) == mark {
				return true
			}
		}
	}
	return false
}
