// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzCache: whatever a source does, whatever the clock does, and whatever the service says
// of tokens, no expired token is handed out (invariant 5), there is one refresh at a time
// (invariant 6), and each upload gets a token or an error by the time its client is gone.
func FuzzCache(f *testing.F) {
	f.Add([]byte{0, 0, 1, 5, 2, 40, 3, 9, 0, 3})
	f.Add([]byte{1, 2, 4, 1, 0, 200, 1, 8, 5, 0, 0, 1, 6, 3, 0, 30, 7, 1})
	f.Add([]byte{2, 6, 0, 9, 2, 2, 1, 3, 4, 2, 1, 10, 3, 0, 1, 0, 0, 255, 2, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		const most = 60 // steps: more show nothing else
		script = script[:min(len(script), 2*most)]
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t)
			var uploads sync.WaitGroup
			for ; len(script) >= 2; script = script[2:] {
				s.act(&uploads, script[0], int(script[1]))
			}
			uploads.Wait()
			if s.most() > 1 {
				t.Errorf("%d refreshes at a time", s.most())
			}
		})
	})
}

// act does one thing of a script.
func (s *simulation) act(uploads *sync.WaitGroup, kind byte, operand int) {
	s.t.Helper()
	switch kind % 8 {
	case 0:
		for range 1 + operand%3 {
			uploads.Go(func() { s.impatient(time.Duration(operand) * time.Second) })
		}
	case 1:
		sources := []Source{
			minted(testLifetime), minted(testThreshold), minted(time.Minute), minted(time.Second), minted(0), minted(-time.Hour),
			failing(errDown), failing(ErrUnreachable), failing(ErrRefused), failing(wanting(20 * time.Second)),
			func(_ context.Context, asking Asking) (Token, error) { return asking.Held, nil },
			func(context.Context, Asking) (Token, error) { panic("no such thing") },
		}
		s.set(time.Duration(operand/len(sources))*time.Second, sources[operand%len(sources)])
	case 2:
		time.Sleep(time.Duration(operand*operand) * time.Second)
	case 3:
		synctest.Wait() // or an upload that has just got its token finds it expired
		s.stepClock(time.Duration(operand-128) * time.Minute)
	case 4:
		if held, ok := s.cache.Current(); ok {
			s.cache.Drop(held, Rejection{Sure: operand&1 != 0, Alone: operand&2 != 0})
		}
	case 5:
		if held, ok := s.cache.Current(); ok {
			s.cache.Accept(held)
		}
	case 6:
		s.cache.Clear()
	default:
		time.Sleep(time.Duration(operand) * 100 * time.Millisecond)
	}
}

// impatient is an upload whose client waits for so long at most.
func (s *simulation) impatient(patience time.Duration) {
	s.t.Helper()
	ctx, leave := context.WithTimeout(s.t.Context(), patience)
	defer leave()
	began := time.Now()
	var token Token
	var err error
	switch int(patience/time.Second) % 3 {
	case 0:
		token, err = s.cache.Get(ctx, s.source)
	case 1:
		token, err = s.cache.GetSoon(ctx, s.source)
	default:
		token, err = s.cache.GetAnother(ctx, s.source)
	}
	if took := time.Since(began); took > patience {
		s.t.Errorf("an upload waited for %s, and its client for %s", took, patience)
	}
	if err == nil {
		s.checkValid(token)
	}
}
