// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"net/http"
	"slices"
)

// SetCORS sets the CORS headers that the service was seen to send, so that a
// page may read the response. methods is the endpoint's list for
// Access-Control-Allow-Methods.
func SetCORS(header http.Header, methods string) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Set("Access-Control-Allow-Headers", "X-UC-User-Agent, X-PINGOTHER, DNT")
	header.Set("Access-Control-Allow-Methods", methods)
	header.Set("Access-Control-Expose-Headers", "Warning, Retry-After")
	header.Set("Access-Control-Max-Age", "1")
	if !slices.Contains(header.Values("Vary"), "Origin") {
		header.Add("Vary", "Origin")
	}
}
