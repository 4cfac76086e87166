// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"crypto/rand"
	"net/http"
	"strings"
)

const (
	// loopHeader is for just this (RFC 8586, CDN-Loop), as net/http spells it.
	loopHeader = "Cdn-Loop"
	loopName   = "caddy-uploadcare"
)

// newLoopMark returns what a handler adds to the requests that it lets pass, to
// know them again.
func newLoopMark() string {
	return loopName + "; id=" + strings.ToLower(rand.Text())
}

// isLooped reports whether a request came through the handler with the given
// mark before: the upstream's address leads back to the gateway.
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
