// SPDX-License-Identifier: Apache-2.0

package window

import (
	"sync"
	"time"

	"golang.org/x/net/http2"
)

const (
	// initial is the window of each connection by the protocol (RFC 9113, section 6.9.2).
	initial = 65535
	// horizon is for how long a connection's window lets its speed last, at most. It is the
	// longest round trip at which an upload need not wait.
	horizon = 500 * time.Millisecond
	// roundTrips is the same in round trips. A window of one would do, if the speed were
	// known as well: while the window grows, it is not.
	roundTrips = 4
	// nearest is the shortest horizon. What is read while a client nearby learns of it comes in
	// pieces, and a window of less makes it wait for each.
	nearest = 60 * time.Millisecond
	// far is the shortest round trip for which a connection has some of the budget before an
	// upload begins. From nearer, the first update comes soon enough.
	far = 25 * time.Millisecond
	// sampled is of how many bytes the speed is measured. There are some in a first Default,
	// so that the window grows within the first round trip.
	sampled = 128 << 10
	// least is the least that a connection has. The server says nothing of less than 4 KiB
	// that were read, unless what it grants is nearly used up, which with much granted it is
	// not. So it has that much more, or a stream could wait for ever beside one that is not
	// read and has all but the last 4 KiB.
	least = Default + 4<<10
	// scarce is what a client may send when more is held of it than it should be: a quarter
	// of what is read, up to this, so that a small upload need not wait until a large one's
	// has been read.
	scarce   = 64 << 10
	trickled = 4
)

// errFlowControl has the server send a GOAWAY and close the connection (RFC 9113, section
// 6.9.1).
const errFlowControl = http2.ConnectionError(http2.ErrCodeFlowControl)

// flow is the window of one connection: of what the server grants, how much the client
// gets to know. It is safe for concurrent use.
type flow struct {
	budget *Budget

	mu        sync.Mutex
	total     int   // what the server grants, 0 before its first update
	reserve   int   // of it, what the client does not know of
	available int   // what the client may still send
	extra     int   // of the budget
	expected  int64 // what the bodies of requests still have to bring
	closed    bool
	coming    int           // the length of the DATA frame that began last
	arrival   speed         // of what comes
	reading   speed         // of what is read
	pinged    time.Time     // when the client was asked for its round trip, or zero
	roundTrip time.Duration // 0 while it is not known
}

// newFlow returns the flow of a new connection. Its client may send Default before it has
// seen an update: the server takes that.
func newFlow(budget *Budget) *flow { return &flow{budget: budget, available: Default} }

// update takes an update of the server's for the whole connection, and returns what the
// client gets of it, which may be less, nothing, or more. What the client then has is
// what is expected, as far as it comes within the horizon and within the budget. It is
// never less than least, of which what has come and is not read is a part, nor than what
// the connection has ahead of its next upload.
func (f *flow) update(increment int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed { // A write may be under way as the connection ends.
		return 0
	}
	first := f.total == 0
	if first { // The first is no body's that was read, but makes the window what it is.
		f.total = initial + increment
		f.available -= Default - initial
	} else if f.expected > 0 {
		f.reading.add(increment)
	}
	f.reserve += increment
	granted := f.total - f.reserve // and cannot be taken back
	want := max(int(min(f.expected, int64(f.within()), int64(f.total))), granted, least)
	if !first && f.available < scarce { // It has had that much of the budget: it is what was read.
		want = max(want, granted+increment/trickled)
	}
	f.extra = f.budget.resize(f.extra, want-least, f.ahead())
	give := min(max(least+f.extra-granted, 0), f.reserve)
	f.reserve -= give
	f.available += give
	return give
}

// within returns how many bytes are expected within the horizon, with f.mu held. What has piled
// up is read faster than the line brings more, and a line brings more than a slow reader takes.
func (f *flow) within() int {
	horizon := f.horizon()
	return min(f.arrival.within(horizon), f.reading.within(horizon))
}

// horizon is called with f.mu held. To a client nearby, a window for half a second would only
// be memory: what comes sooner than it is read takes room, and is no faster for it.
func (f *flow) horizon() time.Duration {
	if f.roundTrip == 0 {
		return horizon
	}
	return min(max(roundTrips*f.roundTrip, nearest), horizon)
}

// ahead returns how much of the budget is of use before it is expected, with f.mu held: to a
// client far away, what comes until it learns of an update. The server hears of an upload
// only behind all that others of its connection have sent before. How fast it comes, only
// one that is not small shows; while nothing is known of the one under way, it has nothing.
func (f *flow) ahead() int {
	switch {
	case f.roundTrip < far:
		return 0
	case f.arrival.perSecond == 0:
		if f.expected >= small {
			return 0
		}
		return f.total - least
	default:
		roundTrip := min(f.roundTrip, horizon)
		return min(f.arrival.within(roundTrip), f.reading.within(roundTrip), f.total) - least
	}
}

// ping reports whether the client is to be asked for its round trip, which is once.
func (f *flow) ping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.pinged.IsZero() {
		return false
	}
	f.pinged = time.Now()
	return true
}

// pong is the client's response.
func (f *flow) pong() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.roundTrip == 0 && !f.pinged.IsZero() {
		f.roundTrip = max(time.Since(f.pinged), time.Microsecond)
	}
}

// received counts a DATA frame of the client's as it begins: by then, the one before has come.
// The server would take all that it grants.
func (f *flow) received(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.expected > 0 {
		f.arrival.add(f.coming)
	}
	f.coming = n
	f.available -= n
	if f.available < 0 {
		return errFlowControl
	}
	return nil
}

// expect changes by n what is expected.
func (f *flow) expect(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.expected == 0 {
		f.arrival.pause()
		f.reading.pause()
	}
	f.expected += n
}

// close gives back what the connection has.
func (f *flow) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.extra = f.budget.resize(f.extra, 0, 0)
}

// speed is how fast bodies come, or are read, at the best of late.
type speed struct {
	perSecond float64
	since     time.Time // when the sample began, or zero
	bytes     int       // of the sample
}

// add adds to the sample. A connection that waits for its window has a slow sample in each
// round trip, and fast ones: so the speed falls slowly.
func (s *speed) add(bytes int) {
	now := time.Now()
	if s.since.IsZero() {
		s.since = now
		return
	}
	s.bytes += bytes
	if s.bytes < sampled {
		return
	}
	took := max(now.Sub(s.since), time.Millisecond) // less says more of the processor than of the line
	s.perSecond = max(float64(s.bytes)/took.Seconds(), s.perSecond*7/8)
	s.since, s.bytes = now, 0
}

// pause says that nothing was expected until now.
func (s *speed) pause() { s.since, s.bytes = time.Time{}, 0 }

// within returns how many bytes those are in a time.
func (s *speed) within(time time.Duration) int {
	return int(min(s.perSecond*time.Seconds(), maxTotal))
}
