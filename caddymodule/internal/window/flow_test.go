// SPDX-License-Identifier: Apache-2.0

package window

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

const mebibyte = 1 << 20

// server is the end of a flow that grants windows, as x/net/http2 does.
type server struct {
	*flow
	held int // come, and not read
}

// newServer returns the server's end of a connection, after its first update.
func newServer(t *testing.T, budget *Budget) *server {
	t.Helper()
	s := &server{flow: newFlow(budget)}
	if got := s.update(least + budget.most() - initial); got != least-initial {
		t.Fatalf("the first update is %d, want %d", got, least-initial)
	}
	return s
}

// window returns what the connection can make the server hold, now.
func (s *server) window() int { return s.available + s.held }

// takes has up to n bytes come.
func (s *server) takes(t *testing.T, n int) int {
	t.Helper()
	n = min(n, s.available)
	if err := s.received(n); err != nil {
		t.Fatal(err)
	}
	s.held += n
	return n
}

// reads has n bytes of a body read at a speed.
func (s *server) reads(n int, perSecond float64) {
	time.Sleep(time.Duration(float64(n) / perSecond * float64(time.Second)))
	s.expect(-int64(n))
	s.held -= n
	s.update(n)
}

// uploads has a body of a size come and be read, and returns the largest window.
func (s *server) uploads(t *testing.T, size int, perSecond float64) (most int) {
	t.Helper()
	s.expect(int64(size))
	for come, read := 0, 0; read < size; {
		come += s.takes(t, size-come)
		n := min(16<<10, come-read)
		s.reads(n, perSecond)
		read += n
		most = max(most, s.window())
	}
	return most
}

func TestAWindowFitsTheSpeedAndTheRest(t *testing.T) {
	tests := map[string]struct {
		limit, size int
		perSecond   float64
		least, most int
		roundTrip   time.Duration
	}{
		"a fast upload":            {50 * mebibyte, 64 * mebibyte, 100e6, 40 * mebibyte, least + 40*mebibyte, 0},
		"one that is small":        {50 * mebibyte, mebibyte / 2, 100e6, least, least, 0},
		"one that is not large":    {50 * mebibyte, 8 * mebibyte, 100e6, 7 * mebibyte, 8 * mebibyte, 0},
		"one of 20 MB/s":           {50 * mebibyte, 64 * mebibyte, 20e6, 9e6, 11e6, 0},
		"one of 2 MB/s":            {50 * mebibyte, 16 * mebibyte, 2e6, least, least, 0},
		"a fast one, little limit": {5 * mebibyte, 64 * mebibyte, 100e6, least + 4*mebibyte, least + 4*mebibyte, 0},
		"a fast one nearby":        {50 * mebibyte, 64 * mebibyte, 100e6, 5.5e6, 6.5e6, time.Millisecond},
		"one of 1 GB/s nearby":     {50 * mebibyte, 64 * mebibyte, 1e9, 7e6, 9e6, time.Millisecond},
		"a fast one from 20 ms":    {50 * mebibyte, 64 * mebibyte, 100e6, 7e6, 9e6, 20 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var budget Budget
				budget.Allow(test.limit)
				s := newServer(t, &budget)
				s.roundTrip = test.roundTrip
				for range 2 { // the second is no worse for the first
					if got := s.uploads(t, test.size, test.perSecond); got < test.least || got > test.most {
						t.Errorf("the window is %d, want %d to %d", got, test.least, test.most)
					}
					if got := s.window(); got != least || budget.Held() != 0 {
						t.Errorf("afterwards the window is %d, and %d of the budget are held", got, budget.Held())
					}
				}
			})
		})
	}
}

// uploadsSome has 8 MiB of a body of 1 GiB be read at 100 MB/s, of whose rest as much comes as may.
func (s *server) uploadsSome(t *testing.T) {
	t.Helper()
	s.expect(1 << 30)
	for range 512 {
		s.takes(t, 1<<30)
		s.reads(16<<10, 100e6)
	}
}

// responds has a small upload come and be read, of which the flow expects nothing.
func (s *server) responds(t *testing.T) {
	t.Helper()
	n := s.takes(t, 20<<10)
	s.held -= n
	s.update(n)
}

func TestAClientFarAwayHasSomeAheadOfAnUpload(t *testing.T) {
	const limit = 50 * mebibyte
	another := func(t *testing.T, budget *Budget) { // has its share of half of the budget
		t.Helper()
		other := newServer(t, budget)
		other.roundTrip = 100 * time.Millisecond
		other.responds(t)
		if got := other.window(); got != least+20*mebibyte {
			t.Errorf("another client far away has %d", got)
		}
	}
	uploading := func(t *testing.T, budget *Budget) {
		t.Helper()
		other := newServer(t, budget)
		other.uploadsSome(t)
	}
	tests := map[string]struct {
		roundTrip   time.Duration
		beside      func(*testing.T, *Budget)
		perSecond   float64 // of an upload that is not small, or 0
		least, most int
	}{
		"far away":                          {100 * time.Millisecond, nil, 0, least + 20*mebibyte, least + 20*mebibyte},
		"at the least distance":             {far, nil, 0, least + 20*mebibyte, least + 20*mebibyte},
		"not as far":                        {far - 1, nil, 0, least, least},
		"nobody knows how far":              {0, nil, 0, least, least},
		"far away, known to be fast":        {100 * time.Millisecond, nil, 100e6, 9e6, 11e6},
		"far away, known to be slow":        {100 * time.Millisecond, nil, 2e6, least, least},
		"beside another one, from the rest": {100 * time.Millisecond, another, 0, least + 4*mebibyte, least + 4*mebibyte},
		"beside a large upload":             {100 * time.Millisecond, uploading, 0, least, least},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var budget Budget
				budget.Allow(limit)
				if test.beside != nil {
					test.beside(t, &budget)
				}
				s := newServer(t, &budget)
				if got := s.window(); got != least {
					t.Errorf("at its beginning the window is %d", got)
				}
				s.roundTrip = test.roundTrip
				if test.perSecond > 0 {
					s.uploads(t, 64*mebibyte, test.perSecond)
				}
				held := budget.Held()
				for range 10 { // however many there are, and however rarely they come
					s.responds(t)
					time.Sleep(time.Second)
				}
				if got := s.window(); got < test.least || got > test.most {
					t.Errorf("the window is %d, want %d to %d", got, test.least, test.most)
				}
				s.close()
				if got := budget.Held(); test.perSecond == 0 && got != held {
					t.Errorf("%d were held, and %d are when it is closed", held, got)
				}
			})
		})
	}
}

// Whatever the round trip, what a slow upload needs is known while it comes.
func TestASlowUploadFromFarAwayHasNothingAhead(t *testing.T) {
	const size, piece = 2 * mebibyte, 16 << 10
	tests := map[string]int{ // how much comes at once, before any of it is read
		"a slow line":   0,
		"a slow reader": mebibyte,
	}
	for name, burst := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var budget Budget
				budget.Allow(50 * mebibyte)
				s := newServer(t, &budget)
				s.roundTrip = 100 * time.Millisecond
				s.expect(size)
				come := 0
				for come < burst {
					come += s.takes(t, piece)
				}
				for come < size || s.held > 0 {
					come += s.takes(t, min(piece, size-come))
					s.reads(piece, 2e6)
					if got := s.window(); got != least {
						t.Fatalf("when %d have come, the window is %d", come, got)
					}
				}
			})
		})
	}
}

// The server hears of an upload only when all that was sent before has come.
func TestAnUploadFromFarAwayNeedNotWaitForThoseBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var budget Budget
		budget.Allow(50 * mebibyte)
		s := newServer(t, &budget)
		s.roundTrip = 100 * time.Millisecond
		s.uploads(t, 16*mebibyte, 100e6)
		s.expect(2 * small) // all that is known of
		s.takes(t, small)
		s.reads(small, 100e6)
		if got := s.window(); got < 9e6 || got > 11e6 {
			t.Errorf("the window is %d", got)
		}
	})
}

// What the server has not granted cannot be handed on, though a later config allows more.
func TestNothingIsHeldThatTheServerDoesNotGrant(t *testing.T) {
	for _, perSecond := range []float64{0, 1e9} {
		var budget Budget
		budget.Allow(10 * mebibyte)
		s := newServer(t, &budget)
		budget.Allow(100 * mebibyte)
		s.roundTrip = 100 * time.Millisecond
		s.arrival.perSecond, s.reading.perSecond = perSecond, perSecond
		s.responds(t)
		if s.window() != least+8*mebibyte || budget.Held() != 8*mebibyte {
			t.Errorf("with %.0f bytes a second, the window is %d, and %d are held", perSecond, s.window(), budget.Held())
		}
	}
}

// All that is idle leaves half of the budget to uploads, and the more is held the less is kept.
func TestWhatIsAheadLeavesHalfOfTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var budget Budget
		budget.Allow(50 * mebibyte)
		for range 100 {
			s := newServer(t, &budget)
			s.roundTrip = 100 * time.Millisecond
			s.responds(t)
		}
		if got := budget.Held(); got > 25*mebibyte || got < 24*mebibyte {
			t.Errorf("%d are held by 100 idle connections", got)
		}
		s := newServer(t, &budget)
		if got := s.uploads(t, 64*mebibyte, 100e6); got < least+20*mebibyte {
			t.Errorf("the window of an upload is %d", got)
		}
	})
}

func TestAnUploadThatBecomesSlowGivesBack(t *testing.T) {
	for _, roundTrip := range []time.Duration{0, 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			var budget Budget
			budget.Allow(50 * mebibyte)
			s := newServer(t, &budget)
			s.roundTrip = roundTrip
			s.uploadsSome(t)
			if got := budget.Held(); got < 36*mebibyte { // what comes in 400 ms, or its share
				t.Fatalf("%d are held while it is fast", got)
			}
			for s.held > 0 { // the client has stopped
				s.reads(min(16<<10, s.held), 256<<10)
			}
			if got := budget.Held(); got != 0 {
				t.Errorf("%d are held when it is slow", got)
			}
		})
	}
}

// While the handler waits for its upstream, a slow client's bytes pile up, and are then read at
// the speed of memory.
func TestASlowClientIsNotTakenForAFastOne(t *testing.T) {
	tests := map[string]struct {
		perSecond   float64 // of the client's line
		least, most int
	}{
		"1 MB/s":   {1e6, least, least},
		"20 MB/s":  {20e6, 9e6, 11e6},
		"100 MB/s": {100e6, 20 * mebibyte, least + 40*mebibyte},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var budget Budget
				budget.Allow(50 * mebibyte)
				s := newServer(t, &budget)
				s.expect(64 * mebibyte)
				const piece = 16 << 10
				comes := func() int {
					time.Sleep(time.Duration(piece / test.perSecond * float64(time.Second)))
					return s.takes(t, piece)
				}
				for range 40 {
					comes()
				}
				most := 0
				for s.held > 0 {
					s.reads(piece, 1e9)
					most = max(most, s.window())
				}
				for range 512 {
					s.reads(comes(), 1e9)
					most = max(most, s.window())
				}
				if most < test.least || most > test.most {
					t.Errorf("the window is %d, want %d to %d", most, test.least, test.most)
				}
			})
		})
	}
}

func TestAClosedConnectionGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var budget Budget
		budget.Allow(50 * mebibyte)
		s := newServer(t, &budget)
		s.uploadsSome(t)
		s.close()
		if got := budget.Held(); got != 0 {
			t.Errorf("%d are held", got)
		}
	})
}

func TestAClientMayNotSendMoreThanItsWindow(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	s := newServer(t, &budget) // which itself would take 33 MiB
	if err := s.received(least); err != nil {
		t.Fatal(err)
	}
	if err := s.received(1); !errors.Is(err, errFlowControl) {
		t.Errorf("got %v", err)
	}
}

// The server's last write may still be under way.
func TestAClosedConnectionGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var budget Budget
		budget.Allow(50 * mebibyte)
		s := newServer(t, &budget)
		s.uploadsSome(t)
		s.close()
		s.reads(16<<10, 100e6)
		if got := budget.Held(); got != 0 {
			t.Errorf("%d are held", got)
		}
	})
}

// Much of a large upload was held as its reader became slow. The client's others need not
// wait until that has been read.
func TestASlowUploadLeavesTheOthersSomething(t *testing.T) {
	for _, roundTrip := range []time.Duration{0, 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			var budget Budget
			budget.Allow(50 * mebibyte)
			s := newServer(t, &budget)
			s.roundTrip = roundTrip
			s.uploadsSome(t)
			for range 1024 { // until the window is to be smaller than what is held
				s.takes(t, 1<<30)
				s.reads(4<<10, 64<<10)
			}
			s.takes(t, 1<<30)
			if s.held < 16*mebibyte {
				t.Fatalf("only %d are held", s.held)
			}
			came := 0
			for range 64 {
				s.reads(4<<10, 64<<10)
				came += s.takes(t, 4<<10)
			}
			if came < 64<<10 {
				t.Errorf("while 256 KiB were read, %d could come", came)
			}
			if s.window() > 41*mebibyte-128<<10 {
				t.Errorf("the window stays at %d", s.window())
			}
		})
	}
}

// Uploads of more than an int32 together, as on a machine of 32 bits.
func TestWhatIsExpectedDoesNotOverflow(t *testing.T) {
	f := newFlow(new(Budget))
	for range 250 {
		f.expect(maxIncrement)
	}
	if f.expected != 250*maxIncrement {
		t.Errorf("%d are expected", f.expected)
	}
}

// Whatever comes and is read, at whatever speed: the connections hold no more than the
// budget beyond the least of each, none has less than that, and all is given back.
func TestTheBoundHoldsWhateverIsUploaded(t *testing.T) {
	const limit, connections = 20 * mebibyte, 6
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // reproducible
			var budget Budget
			budget.Allow(limit)
			servers := make([]*server, connections)
			rests := make([]int, connections)
			for i := range servers {
				servers[i] = newServer(t, &budget)
				servers[i].roundTrip = time.Duration(random.IntN(100)) * time.Millisecond
			}
			for range 4000 {
				i := random.IntN(connections)
				s := servers[i]
				switch random.IntN(8) {
				case 0:
					n := random.IntN(8 * mebibyte)
					s.expect(int64(n))
					rests[i] += n
				case 1, 2, 3:
					rests[i] -= s.takes(t, min(rests[i], random.IntN(2*mebibyte)))
				default:
					if n := min(s.held, 1+random.IntN(256<<10)); n > 0 {
						s.reads(n, 1e5*float64(uint(1)<<random.IntN(12)))
					}
				}
				total := 0
				for _, s := range servers {
					if s.window() < least {
						t.Fatalf("a window of %d", s.window())
					}
					total += s.window() - least
				}
				if total > budget.Held() || budget.Held() > limit {
					t.Fatalf("seed %d: %d beyond the least windows, %d held of %d", seed, total, budget.Held(), limit)
				}
			}
			for _, s := range servers {
				s.close()
			}
			if got := budget.Held(); got != 0 {
				t.Errorf("%d are held in the end", got)
			}
		})
	}
}
