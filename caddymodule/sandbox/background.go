// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"sync"
)

// background runs what goes on after its response was sent, and ends it
// with the configuration.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newBackground(ctx context.Context) *background {
	b := new(background)
	b.ctx, b.cancel = context.WithCancel(ctx)
	return b
}

// run starts a task, unless its configuration has ended.
func (b *background) run(task func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.running.Go(func() { task(b.ctx) })
	return true
}

// close ends all tasks and waits until they have ended.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
}
