// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"sync"
)

// background runs tasks that go on after the response to their request. It ends them with
// the configuration: they must not outlive a reload.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// newBackground returns a background whose tasks end with ctx, too.
func newBackground(ctx context.Context) *background {
	b := new(background)
	b.ctx, b.cancel = context.WithCancel(ctx)
	return b
}

// run starts a task, and reports whether it did: not after close.
func (b *background) run(task func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.running.Go(func() { task(b.ctx) }) // under the lock: Go must not be called after Wait has returned
	return true
}

// close cancels the context of all tasks and waits until they have returned.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	// A fetch may wait for its source for minutes, and a reload would wait as long.
	b.cancel()
	b.running.Wait()
}
