// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
)

// interimResponses passes interim responses (1xx) on to the client until the final one
// has come. They arrive in the transport's goroutine, so without the lock one that is
// late could change the header of the final response while that is being written.
type interimResponses struct {
	to http.ResponseWriter // set before watch

	mu    sync.Mutex
	ended bool // pass does nothing any more
}

// watch returns a context for the request whose interim responses are passed on.
func (i *interimResponses) watch(ctx context.Context) context.Context {
	// A trace is the only way in which net/http hands them out. One that was set before
	// is called as well.
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: i.pass})
}

// pass passes one on. Its header fields are removed again afterwards, so that the final
// response does not have them.
func (i *interimResponses) pass(status int, interim textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return nil
	}
	// net/http sends all fields that are set with an interim response. Those of the final
	// one are saved, and restored whatever the writer has added.
	header := i.to.Header()
	own := header.Clone()
	hop.AddEndToEnd(header, http.Header(interim))
	i.to.WriteHeader(status)
	clear(header)
	maps.Copy(header, own)
	return nil
}

// end makes pass drop what comes later.
func (i *interimResponses) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = true
}
