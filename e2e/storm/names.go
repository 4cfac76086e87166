// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync/atomic"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// names is the name server that knows where the upstream is.
type names struct {
	address string
	stop    func() error
	over    atomic.Pointer[chan struct{}] // while it fails: closed when that is over
	silent  atomic.Bool
}

func newNames() (n *names, err error) {
	n = new(names)
	n.address, n.stop, err = loopback.ServeNames(n.knows)
	return n, err
}

// knows reports whether there is a name. While it waits, nothing else is responded to.
func (n *names) knows(name string) bool {
	over := n.over.Load()
	if over != nil && n.silent.Load() {
		<-*over
		over = nil
	}
	return name == upstreamName && over == nil
}
