// SPDX-License-Identifier: Apache-2.0

package main

import (
	"syscall"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// thing is what fails in a storm. Its outages come one after the other.
type thing interface {
	// begin has it fail in the way that a number chooses, and returns that way's name, which is
	// empty if it cannot fail now.
	begin(variant uint64) (string, error)
	// end repairs it.
	end() error
}

// Interface guards
var (
	_ thing = (*upstreamThing)(nil)
	_ thing = (*resolverThing)(nil)
	_ thing = (*redisThing)(nil)
	_ thing = (*namesThing)(nil)
	_ thing = (*toggle)(nil)
)

// upstreamThing is the upstream: it meets one of its troubles, or dies.
type upstreamThing struct{ *upstream }

func (u *upstreamThing) begin(variant uint64) (string, error) {
	which := variant % uint64(len(troubles)+1)
	if which == uint64(len(troubles)) {
		u.die()
		return "dies", nil
	}
	met := troubles[which]
	met.over = make(chan struct{})
	u.trouble.Store(&met)
	return met.name, nil
}

func (u *upstreamThing) end() error {
	if met := u.trouble.Swap(nil); met != nil {
		close(met.over)
		return nil
	}
	return u.start()
}

// resolverThing is the resolver.
type resolverThing struct{ *resolver }

func (r *resolverThing) begin(variant uint64) (string, error) {
	failing := resolverFailures[variant%uint64(len(resolverFailures))]
	failing.over = make(chan struct{})
	r.failing.Store(&failing)
	return failing.name, nil
}

func (r *resolverThing) end() error {
	close(r.failing.Swap(nil).over)
	return nil
}

// redisThing is Redis: it is killed, or hangs.
type redisThing struct {
	*loopback.Redis
	usable *availability
	hangs  bool
}

func (r *redisThing) begin(variant uint64) (string, error) {
	r.usable.down()
	if r.hangs = variant%3 == 0; r.hangs {
		return "hangs", r.Signal(syscall.SIGSTOP)
	}
	r.Kill()
	return "is killed", nil
}

func (r *redisThing) end() error {
	defer r.usable.up()
	if r.hangs {
		return r.Signal(syscall.SIGCONT)
	}
	return r.Start()
}

// namesThing is the name server: the upstream's name does not exist, or it does not respond.
type namesThing struct{ *names }

func (n *namesThing) begin(variant uint64) (string, error) {
	over := make(chan struct{})
	n.over.Store(&over)
	if n.silent.Store(variant%2 == 0); variant%2 == 0 {
		return "is silent", nil
	}
	return "does not know the upstream", nil
}

func (n *namesThing) end() error {
	close(*n.over.Swap(nil))
	return nil
}

// toggle is a thing that is wrong, or not.
type toggle struct {
	name string
	set  func(bool)
}

func (t *toggle) begin(uint64) (string, error) {
	t.set(true)
	return t.name, nil
}

func (t *toggle) end() error {
	t.set(false)
	return nil
}
