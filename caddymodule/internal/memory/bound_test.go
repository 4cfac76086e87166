// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newBound() *Bound {
	return &Bound{Size: 1000, Reserve: 200, Share: 100, Optional: 500, Wait: 30 * time.Second, Patience: time.Second}
}

// take takes n, and fails the test if there is no room.
func take(t *testing.T, b *Bound, h *Holder, n int) {
	t.Helper()
	if err := b.Take(t.Context(), h, n, nil); err != nil {
		t.Error(err)
	}
}

func TestWhatCanBeDoneWithoutDoesNotWait(t *testing.T) {
	b, kept, other := newBound(), new(Holder), new(Holder)
	if !b.TryTake(kept, 500) || b.TryTake(other, 1) {
		t.Error("it fills its part, and no more")
	}
	take(t, b, other, 300)
	b.Release(kept)
	if b.TryTake(kept, 1) {
		t.Error("what has been released took something")
	}
	if b.Held() != 300 {
		t.Errorf("%d are held", b.Held())
	}
}

func TestReadingPausesUntilBytesAreFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound()
		var full, waiting Holder
		b.Reserve = 0
		take(t, b, &full, 1000)
		time.AfterFunc(20*time.Second, func() { b.Give(&full, 100) })
		paused, began := false, time.Now()
		if err := b.Take(t.Context(), &waiting, 100, func() { paused = true }); err != nil || !paused {
			t.Errorf("paused: %v, %v", paused, err)
		}
		if waited := time.Since(began); waited != 20*time.Second || waiting.Waited() != waited {
			t.Errorf("it waited %v, and says %v", waited, waiting.Waited())
		}
		// Wait bounds all waits of a holder together.
		began = time.Now()
		if err := b.Take(t.Context(), &waiting, 1, nil); !errors.Is(err, ErrFull) || time.Since(began) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		b.Release(&waiting)
		b.Release(&waiting)
		b.Release(&full)
		if b.Held() != 0 {
			t.Errorf("%d are held", b.Held())
		}
	})
}

func TestAWaitEndsWhenTheClientGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound()
		b.Reserve = 0
		var full, gone, next Holder
		take(t, b, &full, 950)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		behind := make(chan struct{})
		go func() {
			time.Sleep(time.Millisecond) // needs less, but comes later
			take(t, b, &next, 50)
			close(behind)
		}()
		began := time.Now()
		if err := b.Take(ctx, &gone, 100, nil); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		<-behind
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("the next one was served after %v", waited)
		}
	})
}

// Of the holders that have a part and wait for the rest, those that began first can finish,
// so that none waits for ever, and the bound is never exceeded.
func TestHalfReceivedBodiesDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound()
		var running sync.WaitGroup
		began := time.Now()
		for range 80 { // all of which get ten of their hundred at once
			running.Go(func() {
				h := new(Holder)
				defer b.Release(h)
				for range 10 {
					take(t, b, h, 10)
					if held := b.Held(); held > b.Size {
						t.Errorf("%d are held", held)
					}
					time.Sleep(10 * time.Millisecond) // until the others have as much
				}
			})
		}
		running.Wait()
		if took := time.Since(began); took > 5*time.Second || b.Held() != 0 {
			t.Errorf("it took %v, and %d are held", took, b.Held())
		}
	})
}

// Holders that hardly take anything do not keep their promise from others, and are served in
// their turn.
func TestWhatIsPromisedPassesOnToThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBound()
		b.Reserve, b.Share = 400, 160
		var first, rest, stalls, goesOn, waits Holder
		take(t, b, &first, 290)
		take(t, b, &rest, 300) // nothing is left but for those that may finish
		take(t, b, &stalls, 20)
		take(t, b, &goesOn, 20)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer b.Release(&goesOn)
			for range 9 {
				time.Sleep(500 * time.Millisecond)
				take(t, b, &goesOn, 10)
			}
		}()
		began := time.Now()
		take(t, b, &waits, 20)
		b.mu.Lock() // the one that goes on takes at the same moment
		going, stalled := goesOn.promised, stalls.promised
		b.mu.Unlock()
		if waited := time.Since(began); waited != time.Second || going == 0 || stalled != 0 {
			t.Errorf("it waited %v; promised: %d to one that goes on, %d to one that does not", waited, going, stalled)
		}
		time.AfterFunc(10*time.Second, func() { b.Release(&waits) })
		take(t, b, &stalls, 20) // when that one has hardly gone on either
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("the one that stalled waited until %v", waited)
		}
		<-ended
	})
}

// Nor do many that stall now and then wait for each other for ever.
func TestWhatPassesOnIsLeftForOneToFinish(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			b := newBound()
			b.Wait = 24 * time.Hour
			var running sync.WaitGroup
			for i := range uint64(80) {
				random := rand.New(rand.NewPCG(seed, i)) //nolint:gosec // a test's
				running.Go(func() {
					h := new(Holder)
					defer b.Release(h)
					for range 10 {
						take(t, b, h, 10)
						time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
					}
				})
			}
			running.Wait()
			if b.held != 0 || b.promised != 0 || len(b.finish) != 0 {
				t.Errorf("%d are held, %d promised to %d", b.held, b.promised, len(b.finish))
			}
		})
	}
}

// The bound holds for holders that take, give, wait, leave and stall at random,
// and nothing is lost or given twice.
func TestTheBoundHoldsWhateverIsDone(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			b := newBound()
			var running sync.WaitGroup
			for i := range uint64(60) {
				random := rand.New(rand.NewPCG(seed, i)) //nolint:gosec // a test's
				running.Go(func() {
					for range 10 {
						h := new(Holder)
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(20_000))*time.Millisecond)
						held := 0
						for held < b.Share {
							n := 1 + random.IntN(b.Share-held)
							if random.IntN(3) == 0 {
								if b.TryTake(h, n) && b.Held() > b.Size {
									t.Errorf("%d are held", b.Held())
								}
								break
							}
							if b.Take(ctx, h, n, nil) != nil {
								break
							}
							held += n
							if random.IntN(4) == 0 {
								b.Give(h, n)
								held -= n
							}
							if sum := b.Held(); sum > b.Size || sum < 0 {
								t.Errorf("%d are held", sum)
							}
							time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
						}
						if random.IntN(2) == 0 {
							b.Settle(h)
							time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
						}
						b.Release(h)
						cancel()
					}
				})
			}
			running.Wait()
			if b.held != 0 || b.promised != 0 || len(b.finish) != 0 || len(b.waiters) != 0 {
				t.Errorf("%d are held, %d promised, %d wait", b.held, b.promised, len(b.waiters))
			}
		})
	}
}
