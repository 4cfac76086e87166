// SPDX-License-Identifier: Apache-2.0

package client

import "time"

// A response without a request is not seen for as long as its upstream holds it back:
// with Nagle's algorithm, until what it sent before has been acknowledged. The system
// acknowledges late, or with the next request, so that the response arrives as if it were
// to that one; that one's own is then held back in turn, and so each client would get the
// response of the one before. Two things reveal it:
//
//   - What an idle connection has received is acknowledged before the connection is looked
//     at (acknowledgedReadable), one time in three. Where the way is short, the response is
//     there at once.
//   - Where it is long, and the acknowledgment left before the request did, the response
//     comes after the request has left, but sooner than any response to that request can.
//
// Where the way is long and the request itself carries the acknowledgment, the response takes
// as long as one to that request would, and is not noticed. Go's client does not notice it
// either. All tests of this are on loopback.

// acknowledged is how seldom a connection is acknowledged before it is used again. Each time
// would cost an upload of 20 KiB over loopback up to 8 % of its processor time, for a packet
// that would otherwise leave with the request. One time in three, two uploads at most get
// the response of another before the connection is closed, as with Go's client.
const acknowledged = 3

// lateAcknowledgment is how long the system puts an acknowledgment off, at most (Linux's
// TCP_DELACK_MAX). After that, nothing is left to be acknowledged.
const lateAcknowledgment = 200 * time.Millisecond

// arrival is when a response began to arrive.
type arrival struct {
	// roundTrip is the shortest when the connection was made, or 0 if that is not known. A
	// response that took longer needs no closer look.
	roundTrip time.Duration
	began     time.Time // before the request's first byte left
}

// tooSoon reports whether what arrives now cannot be a response to the request. shortest
// returns the shortest round trip that the system has seen by now, which includes that of
// the request.
func (a *arrival) tooSoon(shortest func() time.Duration) bool {
	took := time.Since(a.began)
	return took < a.roundTrip && took < shortest()
}
