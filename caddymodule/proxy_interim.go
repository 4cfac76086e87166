// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
)

// interimAnswers passes interim answers on, until the final one has come.
type interimAnswers struct {
	to http.ResponseWriter

	mu    sync.Mutex
	ended bool
}

// watch returns a context for the request that they answer.
func (i *interimAnswers) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: i.pass})
}

func (i *interimAnswers) pass(status int, interim textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return nil
	}
	header := i.to.Header()
	own := header.Clone()
	addEndToEnd(header, http.Header(interim))
	i.to.WriteHeader(status)
	clear(header)
	maps.Copy(header, own)
	return nil
}

func (i *interimAnswers) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = true
}
