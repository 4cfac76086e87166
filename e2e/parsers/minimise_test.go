// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Bounds of how long a failing form is made smaller.
const (
	maxTrials     = 400
	maxMinimising = 6 * time.Second
)

// minimise makes a failing form smaller for as long as it fails in the same way:
// it drops parts, lines and then bytes.
func (s *suite) minimise(t *testing.T, e *editor, failing *checked) *checked {
	t.Helper()
	want, trials, began := failing.failures[0], 0, time.Now()
	concerned := s.only(want.parser)
	smallest := failing.client
	fails := func(client request) bool {
		if trials++; trials > maxTrials || time.Since(began) > maxMinimising {
			return false
		}
		c := concerned.check(t, e, []request{client}, rand.New(rand.NewPCG(1, 1)))[0]
		for _, f := range c.failures {
			if f.property == want.property && f.parser == want.parser && (want.property != refusalProperty || reason(c.outcome) == reason(failing.outcome)) {
				return true
			}
		}
		return false
	}
	if query := smallest; query.query != "" {
		if query.query = ""; fails(query) {
			smallest = query
		}
	}
	separators := []string{"\r\n--", "\r\n", "&", ";"}
	for _, separator := range separators {
		smallest.body = dropPieces(smallest, separator, fails)
	}
	for size := 16; size >= 1; size /= 4 {
		smallest.body = dropBytes(smallest, size, fails)
	}
	return &s.check(t, e, []request{smallest}, rand.New(rand.NewPCG(1, 1)))[0]
}

// only returns the suite with one parser, or all if name is empty.
func (s *suite) only(name string) *suite {
	if name == "" {
		return s
	}
	i := slices.IndexFunc(s.readers, func(r *reader) bool { return r.name == name })
	return &suite{s.readers[i : i+1]}
}

// dropPieces leaves out what stands between separators.
func dropPieces(client request, separator string, fails func(request) bool) []byte {
	for pieces := bytes.Split(client.body, []byte(separator)); ; {
		dropped := false
		for i := 0; i < len(pieces) && len(pieces) > 1; i++ {
			fewer := slices.Delete(slices.Clone(pieces), i, i+1)
			trial := client
			if trial.body = bytes.Join(fewer, []byte(separator)); fails(trial) {
				pieces, client, dropped = fewer, trial, true
				i--
			}
		}
		if !dropped {
			return client.body
		}
	}
}

// dropBytes leaves out size bytes at a time.
func dropBytes(client request, size int, fails func(request) bool) []byte {
	for i := 0; i+size <= len(client.body); {
		trial := client
		if trial.body = slices.Delete(slices.Clone(client.body), i, i+size); fails(trial) {
			client = trial
		} else {
			i += size
		}
	}
	return client.body
}
