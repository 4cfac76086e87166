// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"
)

// ender is a gateway that is ended and started anew.
type ender struct{ *gateway }

// begin implements thing: the gateway is killed, or stopped with or without uploads under way.
func (e *ender) begin(variant uint64) (string, error) {
	e.mu.Lock() // until it has been started again
	switch variant % 3 {
	case 0:
		return "is killed", e.kill()
	case 1:
		return "stops during uploads", e.stop(stopped)
	}
	err := e.drain()
	return "stops without uploads", errors.Join(err, e.terminate(drained))
}

// end implements thing: the gateway is started, as soon as its storage is up.
func (e *ender) end() error {
	defer e.mu.Unlock()
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		attempt := time.Now()
		err := e.start()
		if err == nil || !e.storage.downSince(attempt.Add(-storageRecovery)) || time.Since(began) > startTime {
			return err
		}
	}
}

// storageRecovery is how long after its storage a gateway may find it down still.
const storageRecovery = 5 * time.Second

// reloader is what reloads gateways: one in each outage.
type reloader struct{ gateways []*gateway }

// begin implements thing.
func (r *reloader) begin(variant uint64) (string, error) {
	g := r.gateways[variant%uint64(len(r.gateways))]
	if !g.mu.TryLock() { // it is not there
		return "", nil
	}
	defer g.mu.Unlock()
	began := time.Now()
	err := g.reload()
	if err != nil && g.storage.downSince(began.Add(-storageRecovery)) {
		return "cannot be, without its storage", nil
	}
	return fmt.Sprintf("%s is", g.name), err
}

// end implements thing.
func (*reloader) end() error { return nil }

// Interface guards
var (
	_ thing = (*ender)(nil)
	_ thing = (*reloader)(nil)
)
