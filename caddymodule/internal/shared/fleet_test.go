// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Invariant 6, for a fleet: of three gateways with uploads all the time, one
// asks when the token is due, and the others use what it got. Their clocks
// differ by seconds. A call never comes sooner after the one before than the
// token's three quarters of the time in which it is used.
func TestInvariant6AFleetAsksOncePerToken(t *testing.T) {
	for _, lifetime := range []time.Duration{testLifetime, time.Hour, 24 * time.Hour, 5 * time.Minute, time.Minute} {
		t.Run(lifetime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(bubbleAge)
				const skew = 5 * time.Second // of the fastest clock to the slowest
				storage, source := newMemory(), &backend{lifetime: lifetime, takes: 300 * time.Millisecond}
				nodes := []*node{
					newNode(t, storage, source.ask, 0), newNode(t, storage, source.ask, -2*time.Second), newNode(t, storage, source.ask, 3*time.Second),
				}
				used := make(map[token.Token][3]bool)
				const uploads = 10_000
				interval := lifetime * 20 / uploads
				began := time.Now()
				for range uploads {
					for i, node := range nodes {
						got := node.get(t)
						got.Issued = 0 // by the node's own clock
						by := used[got]
						by[i] = true
						used[got] = by
					}
					time.Sleep(interval)
				}
				spent := time.Since(began)
				time.Sleep(time.Minute) // for a renewal under way
				synctest.Wait()
				inUse := lifetime - testThreshold
				if inUse <= 0 {
					inUse = lifetime / 2
				}
				soonest, latest := inUse*3/4-skew-time.Second, inUse*7/8+skew+2*interval+2*time.Second
				for i := 1; i < len(source.calls); i++ {
					if gap := source.calls[i].Sub(source.calls[i-1]); gap < soonest || gap > latest {
						t.Errorf("call %d came %s after the one before, not within %s and %s", i+1, gap, soonest, latest)
					}
				}
				// The last token may have come when the uploads were over.
				if calls := len(source.calls); calls < int(spent/latest) || calls < len(used) || calls > len(used)+1 {
					t.Errorf("%d calls in %s for %d tokens", calls, spent, len(used))
				}
				alone := 0
				for _, by := range used {
					if by != [3]bool{true, true, true} {
						alone++
					}
				}
				if alone > 1 { // the last one may be new
					t.Errorf("%d of %d tokens were not used by all", alone, len(used))
				}
				for _, node := range nodes {
					node.checkReports(t)
				}
			})
		})
	}
}

// A fleet that starts together, with uploads waiting everywhere.
func TestInvariant6AFleetThatStartsAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime, takes: 3 * time.Second}
		storage.delay = 10 * time.Millisecond
		var uploads sync.WaitGroup
		tokens := make(chan token.Token, 300)
		began := time.Now()
		for range 3 {
			node := newNode(t, storage, source.ask, 0)
			for range 100 {
				uploads.Go(func() { tokens <- node.get(t) })
			}
		}
		uploads.Wait()
		close(tokens)
		first := <-tokens
		for other := range tokens {
			if other != first {
				t.Errorf("got %v and %v", first, other)
			}
		}
		if calls := source.count(); calls != 1 {
			t.Errorf("%d calls", calls)
		}
		// Those that waited for the lock got it at its next polls, one after the other.
		if spent := time.Since(began); spent > 6*time.Second {
			t.Errorf("the last upload waited %s", spent)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if storage.isLocked(testKey) {
			t.Error("the lock was not given back")
		}
	})
}

// Callers are distinguished: each has a record of its own.
func TestInvariant6EachCallersTokensAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		callers := []token.Caller{{1}, {2}, {3}}
		got := make(map[token.Caller]token.Token)
		for range 2 {
			node := newNode(t, storage, source.ask, 0)
			kept := token.NewCallers(testThreshold, node.Clock)
			for _, caller := range callers {
				ask := node.Share(func() string { return Key("demopublickey", string(caller[:])) }, source.ask)
				own, err := kept.Get(t.Context(), caller, ask)
				if err != nil {
					t.Fatal(err)
				}
				if before, ok := got[caller]; ok && before != own {
					t.Errorf("caller %d: got %v and %v", caller[0], before, own)
				}
				got[caller] = own
				time.Sleep(time.Second) // so that tokens differ
			}
		}
		if source.count() != len(callers) || got[callers[0]] == got[callers[1]] {
			t.Errorf("%d calls for %d callers", source.count(), len(callers))
		}
	})
}
