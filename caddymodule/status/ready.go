// SPDX-License-Identifier: Apache-2.0

package status

import (
	"io"
	"net/http"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// verdict is the result of a health check. The response shows ok and nothing else of it, since
// strangers can reach a site.
type verdict struct {
	ok      bool
	cause   string            // why not, for the log
	reasons map[string]string // by project
}

// live is for machines that restart what does not respond: that it was called is all there
// is to know. A project that fails would not be repaired by a restart.
func live() verdict { return verdict{ok: true} }

// ready is for load balancers, which send uploads to another machine while it is not ok.
func ready(stopping bool) verdict {
	if stopping {
		return verdict{cause: "the server is stopping"}
	}
	reasons, none := project.NotReady()
	switch {
	case none:
		return verdict{cause: "no project is loaded"}
	case reasons != nil:
		return verdict{cause: "no project can be signed for on this machine", reasons: reasons}
	}
	return verdict{ok: true}
}

// write responds to a health check.
func (v verdict) write(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store") // a cached response would show an earlier state
	header.Set("Content-Type", "text/plain; charset=utf-8")
	text, status := "ok\n", http.StatusOK
	if !v.ok {
		text, status = "not ready\n", http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // the prober may be gone
	}
}
