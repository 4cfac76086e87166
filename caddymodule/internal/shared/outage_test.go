// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestAStorageThatIsDownLetsEveryGatewayAskByItself(t *testing.T) {
	faults := map[string]func(*memory){
		"all of it": func(m *memory) { m.down = true },
	}
	for _, operation := range []string{"load", "lock", "store", "unlock"} {
		faults["its "+operation] = func(m *memory) {
			m.fault = func(failing string) error {
				if failing == operation {
					return errDown
				}
				return nil
			}
		}
		faults["a panic of its "+operation] = func(m *memory) {
			m.fault = func(failing string) error {
				if failing == operation {
					panic(errDown)
				}
				return nil
			}
		}
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(bubbleAge)
				storage, source := newMemory(), &backend{lifetime: testLifetime}
				fault(storage)
				node := newNode(t, storage, source.ask, 0)
				began := time.Now()
				for range 8 * 60 {
					node.get(t)
					time.Sleep(time.Minute)
				}
				synctest.Wait()
				if spent := time.Since(began); spent > 8*time.Hour+time.Second {
					t.Errorf("uploads waited %s", spent-8*time.Hour)
				}
				if calls := source.count(); calls < 24 || calls > 34 {
					t.Errorf("%d calls in 8 hours", calls)
				}
				node.mu.Lock()
				defer node.mu.Unlock()
				if reports := len(node.reported); reports < 2 || reports > 8*6 || slices.Contains(node.reported, nil) {
					t.Errorf("%d reports in 8 hours: %v", reports, node.reported)
				}
			})
		})
	}
}

// A storage that hangs delays a renewal by two seconds, or by ten for a lock, whether it heeds
// its context or not, and only once in each pause.
func TestAStorageThatHangsIsGivenUp(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		t.Run(fmt.Sprint("deaf ", deaf), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(bubbleAge)
				storage, source := newMemory(), &backend{lifetime: testLifetime}
				storage.delay, storage.deaf = 3*time.Hour, deaf
				node := newNode(t, storage, source.ask, 0)
				node.getAfter(t, operationTime)
				node.checkReports(t, errSlow)
				for range 100 {
					time.Sleep(time.Minute)
					node.get(t)
				}
				operations, calls := storage.count(), source.count()
				if deaf && operations != 1 { // operations do not accumulate
					t.Errorf("%d operations", operations)
				}
				if !deaf && (operations < 2 || operations > calls) {
					t.Errorf("%d operations, %d calls", operations, calls)
				}
				node.checkReports(t, errSlow)
			})
		})
	}
}

func TestALockThatIsNeverReleasedIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		storage.locks[testKey] = true
		node := newNode(t, storage, source.ask, 0)
		node.getAfter(t, lockTime)
		node.checkReports(t, errLocked)
		if _, stored := storage.get(testKey); stored {
			t.Error("a token was stored without the lock")
		}
		// Renewals try again, but no upload waits for them.
		began := time.Now()
		for range 100 {
			time.Sleep(time.Minute)
			node.get(t)
		}
		if spent := time.Since(began); spent != 100*time.Minute {
			t.Errorf("uploads waited %s", spent-100*time.Minute)
		}
		node.checkReports(t, errLocked)
	})
}

// A lock that the storage grants when no gateway waits for it any more would keep
// the fleet waiting for as long as the storage keeps it alive.
func TestALockThatComesTooLateIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		storage.fault = func(operation string) error {
			if operation == "lock" {
				time.Sleep(lockTime + time.Minute)
			}
			return nil
		}
		node := newNode(t, storage, source.ask, 0)
		node.get(t)
		synctest.Wait()
		node.checkReports(t, errLocked)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if storage.isLocked(testKey) {
			t.Error("the lock is still held")
		}
	})
}

func TestSharingResumesWhenTheStorageIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		nodes := []*node{newNode(t, storage, source.ask, 0), newNode(t, storage, source.ask, 0), newNode(t, storage, source.ask, 0)}
		hours := func(count int) (calls int) {
			before := source.count()
			for range count * 360 {
				for _, node := range nodes {
					node.get(t)
				}
				time.Sleep(10 * time.Second)
			}
			synctest.Wait()
			return source.count() - before
		}
		together := hours(4) // a call in 15 to 17.5 minutes
		if together < 13 || together > 17 {
			t.Errorf("%d calls in 4 hours with the storage", together)
		}
		storage.set(func(m *memory) { m.down = true })
		if alone := hours(4); alone < 2*together {
			t.Errorf("%d calls in 4 hours without the storage", alone)
		}
		storage.set(func(m *memory) { m.down = false })
		hours(1) // until each has renewed once
		if again := hours(4); again < 13 || again > 17 {
			t.Errorf("%d calls in 4 hours with the storage again", again)
		}
		for _, node := range nodes {
			node.checkReports(t, errDown, nil)
		}
	})
}

// A storage that fails does not slow every renewal: it is not used for a while.
func TestAStorageThatFailedIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		storage.down = true
		node := newNode(t, storage, source.ask, 0)
		refresh := func() {
			if _, err := node.source(t.Context(), token.Asking{Now: time.Now()}); err != nil {
				t.Error(err)
			}
		}
		for range 100 {
			refresh()
		}
		if storage.count() != 1 || source.count() != 100 {
			t.Errorf("%d operations, %d calls", storage.count(), source.count())
		}
		time.Sleep(outagePause)
		storage.delay = time.Second
		var refreshes sync.WaitGroup
		for range 100 { // one tries, and the others do not wait for it
			refreshes.Go(refresh)
		}
		refreshes.Wait()
		if storage.count() != 2 {
			t.Errorf("after the pause: %d operations", storage.count())
		}
		storage.delay, storage.down = 0, false
		time.Sleep(outagePause)
		refresh()
		synctest.Wait()
		node.checkReports(t, errDown, nil)
	})
}

// The same for operations while the lock is held.
func TestAStorageThatFailsUnderTheLockIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source, loads := newMemory(), &backend{lifetime: testLifetime}, 0
		storage.fault = func(operation string) error {
			if operation == "load" {
				loads++
			}
			if operation == "load" && loads > 1 {
				return errDown
			}
			return nil
		}
		node := newNode(t, storage, source.ask, 0)
		node.get(t)
		synctest.Wait()
		node.checkReports(t, errDown)
		if _, stored := storage.get(testKey); stored || storage.isLocked(testKey) {
			t.Errorf("stored: %t, locked: %t", stored, storage.isLocked(testKey))
		}
	})
}

// Between the loads and the lock, a gateway does its work in the background.
func TestNoUploadWaitsForTheStorageToKeepAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		storage.fault = func(operation string) error {
			if operation == "store" || operation == "unlock" {
				time.Sleep(operationTime - time.Millisecond)
			}
			return nil
		}
		node := newNode(t, storage, source.ask, 0)
		node.getAfter(t, 0)
		time.Sleep(2 * operationTime)
		synctest.Wait()
		if _, stored := storage.get(testKey); !stored || storage.isLocked(testKey) {
			t.Error("the token was not stored, or the lock not given back")
		}
		node.checkReports(t)
	})
}

func TestASourceThatPanicsKeepsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage := newMemory()
		node := newNode(t, storage, nil, 0) // a source that is not there panics
		if _, err := node.cache.Get(t.Context(), node.source); err == nil || errors.Is(err, token.ErrRefused) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if storage.isLocked(testKey) {
			t.Error("the lock was not given back")
		}
	})
}

// An outage is reported when it begins, every ten minutes with the number of failures, and when
// it ends.
func TestAnOutageIsReportedWhileItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage, _, node := loneNode(t)
		storage.down = true
		refresh := func() {
			if _, err := node.source(t.Context(), token.Asking{Now: time.Now()}); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		for range 21 {
			refresh()
			time.Sleep(time.Minute)
		}
		if len(node.reported) != 3 || node.failures != 21 {
			t.Errorf("%d reports, the last of %d failures", len(node.reported), node.failures)
		}
		storage.down = false
		refresh()
		node.checkReports(t, errDown, nil)
	})
}
