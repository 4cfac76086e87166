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

// interimResponses passes interim responses on, until the final one has come.
type interimResponses struct {
	to http.ResponseWriter

	mu    sync.Mutex
	ended bool
}

// watch returns a context for the request that they are for.
func (i *interimResponses) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: i.pass})
}

func (i *interimResponses) pass(status int, interim textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return nil
	}
	header := i.to.Header()
	own := header.Clone()
	hop.AddEndToEnd(header, http.Header(interim))
	i.to.WriteHeader(status)
	clear(header)
	maps.Copy(header, own)
	return nil
}

func (i *interimResponses) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = true
}
