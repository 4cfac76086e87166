// SPDX-License-Identifier: Apache-2.0

package sign

import "time"

const (
	// maxParamsPause and minParamsRate are for clients of which more than a small
	// body is held, so that none keeps memory from the others: for how long they
	// may send nothing, and how many bytes in a second, on average over the last
	// such time. What came before that does not count.
	maxParamsPause = 10 * time.Second
	minParamsRate  = 4 << 10

	// paceUnit is how many bytes are taken note of at a time, and paceUnits are
	// those that must come in a maxParamsPause.
	paceUnit  = minParamsRate
	paceUnits = int(maxParamsPause / time.Second)
)

// pace is how fast a client sends.
type pace struct {
	began  time.Time
	paused time.Duration // since then, which were not the client's
	units  int           // that have come
	// came says when the last units came, in the client's time since it began: the
	// nth one is at n modulo their number. Those before the first came at 0.
	came [paceUnits]time.Duration
}

// deadline returns until when the next byte has to come, when size bytes have
// come: the last units of a pause may take no longer than that.
func (p *pace) deadline(size int) time.Time {
	now := time.Since(p.began) - p.paused
	for p.units < size/paceUnit {
		p.units++
		p.came[p.units%paceUnits] = now
	}
	oldest := p.came[(p.units+1)%paceUnits]
	return p.began.Add(p.paused + oldest + maxParamsPause)
}
