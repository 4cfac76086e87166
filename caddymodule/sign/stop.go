// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// underWay is how many uploads this process's handlers serve, those of earlier configs
// included. Other requests may be tunnels, such as WebSockets, which Caddy ends only after a
// server's hooks.
var underWay atomic.Int64

// stopping is done for one server, on behalf of all: Caddy calls their hooks when none of them
// takes requests any more.
var stopping sync.Once

// flushTime is what a server has to write the end of a response after its handler has returned.
const flushTime = 50 * time.Millisecond

// provisionStop has a stop wait for uploads that a reload has left to an earlier config.
// Caddy itself waits for those until the grace period of the reload is over, and not for
// that of the stop.
func provisionStop(ctx caddy.Context) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok { // when a request is explained
		return
	}
	server.RegisterOnStop(func(ctx context.Context) (err error) {
		if caddy.Exiting() { // otherwise it is a reload, and they go on
			stopping.Do(func() { err = awaitUploads(ctx) })
		}
		return err
	})
}

// awaitUploads waits until no upload is under way, or the grace period is over.
func awaitUploads(ctx context.Context) error {
	ticker := time.NewTicker(flushTime)
	defer ticker.Stop()
	for {
		left := underWay.Load()
		select {
		case <-ticker.C:
			if left == 0 {
				return nil
			}
		case <-ctx.Done():
			if left == 0 {
				return nil
			}
			return fmt.Errorf("%d uploads are under way, and end with the process: %w", left, context.Cause(ctx))
		}
	}
}
