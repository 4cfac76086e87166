// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// stepSize is after how many bytes a body's rate is looked at, if not before:
// of a slow one, after [bufferTime].
const stepSize = 256 << 10

const (
	// minLead is how many bytes a body must be ahead of a rate to have the
	// buffer of it: more than gathers in sockets while a process is kept from
	// running.
	minLead = 4 << 20
	// maxLead is how many it can be ahead: what has been fast for long is slow
	// as soon.
	maxLead = 16 << 20
)

// pace is how fast a body is.
type pace struct {
	moved int // since the last look
	since time.Time
	lead  [len(bufferSizes)]int64 // by the size of the buffer: bytes ahead of its rate
}

// begin begins with a body.
func (p *pace) begin() { *p = pace{since: time.Now()} }

// move takes note of bytes that have been moved, one of which has waited for
// others for too long if late is set. It reports whether the body is fast at
// present.
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

// bufferSize returns which of the sizes suits the body.
func (p *pace) bufferSize() (index int) {
	for i := range bufferSizes {
		if p.lead[i] >= minLead {
			index = i
		}
	}
	return index
}
