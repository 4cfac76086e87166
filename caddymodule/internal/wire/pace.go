// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// stepSize is after how many bytes the rate of a body is measured. That of a slow
// one is measured after [bufferTime].
const stepSize = 256 << 10

const (
	// minLead is how many bytes a body must be ahead of a buffer's rate to get that
	// buffer: more than accumulates in sockets while the process does not run, after
	// which any body looks fast for a moment.
	minLead = 4 << 20
	// maxLead bounds the lead, in bytes, so that a body that was fast for an hour
	// gives its large buffer up as soon after it slows down as any other.
	maxLead = 16 << 20
)

// pace measures how fast a body is, as a leaky bucket for each size of buffer: bytes
// fill it, and it drains at the rate that the buffer is meant for. A plain average
// would notice too late that a client has stalled, and the rate of the last moment
// would exchange buffers back and forth.
type pace struct {
	moved int // bytes since the last measurement
	since time.Time
	lead  [len(bufferSizes)]int64 // by the size of the buffer: bytes ahead of its rate
}

// begin resets the pace for a new body.
func (p *pace) begin() { *p = pace{since: time.Now()} }

// move records n bytes. late says that some byte was written by the timer, having
// waited for [MaxHold]. It reports whether the body is fast at present, so that
// gathering pays.
func (p *pace) move(n int, late bool) (fast bool) {
	p.moved += n
	whole := p.moved >= stepSize
	if !whole && !late {
		return false
	}
	now := time.Now()
	took := min(now.Sub(p.since), time.Minute)
	if !whole && took < bufferTime {
		return false
	}
	for i, size := range bufferSizes {
		ahead := int64(p.moved) - int64(size)*int64(took)/int64(bufferTime)
		p.lead[i] = min(max(p.lead[i]+ahead, 0), maxLead)
		fast = fast || whole && i > 0 && ahead > 0
	}
	p.moved, p.since = 0, now
	return fast
}

// bufferSize returns the index in bufferSizes of the size that suits the body.
func (p *pace) bufferSize() (index int) {
	for i := range bufferSizes {
		if p.lead[i] >= minLead {
			index = i
		}
	}
	return index
}
