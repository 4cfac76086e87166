// SPDX-License-Identifier: Apache-2.0

package main

import "sync"

// kept is what the upstream has of an upload.
type kept struct {
	digest   digest // of what came first
	times    int32  // that it was stored
	receipt  int32  // of the first time: the client's response has it
	cut      bool   // a response to it was broken off on purpose
	unsigned bool   // it came without a credential of the gateway's, or with another besides
	unequal  bool   // it was stored again with another content
}

// stores are what the upstream has of all uploads, by their ids.
type stores struct {
	mu       sync.Mutex
	all      []kept
	receipts int32
	signed   int64    // requests with one credential
	rejected int64    // of these, whose credential was not accepted
	strange  []string // requests that are no upload of the storm's
}

// at calls a function with what is kept of an upload.
func (s *stores) at(id int, change func(*kept)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id >= len(s.all) {
		s.all = append(s.all, make([]kept, max(1<<12, len(s.all)))...)
	}
	change(&s.all[id])
}

// keep stores an upload, and returns its receipt.
func (s *stores) keep(a *arrival) (receipt int32) {
	s.at(a.id, func(k *kept) {
		s.receipts++
		receipt = s.receipts
		if k.times++; k.times == 1 {
			k.digest, k.receipt = a.digest, receipt
		}
		k.unequal = k.unequal || k.digest != a.digest
	})
	return receipt
}

// note counts a request that came whole.
func (s *stores) note(rejected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signed++
	if rejected {
		s.rejected++
	}
}

// maxStrange bounds the list of them: each is a failure of the storm.
const maxStrange = 100

func (s *stores) noteStrange(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.strange) < maxStrange {
		s.strange = append(s.strange, what)
	}
}
