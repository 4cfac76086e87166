// SPDX-License-Identifier: Apache-2.0

package sign

import "time"

const (
	// maxParamsPause and minParamsRate are the pace for clients of which more than a
	// small body is held, without which a few clients that hardly send could keep the
	// memory from all others. They may send nothing for maxParamsPause, and must send
	// minParamsRate bytes per second on average over the last maxParamsPause. What came
	// before that does not count: a fast beginning would buy a long stall.
	maxParamsPause = 10 * time.Second
	minParamsRate  = 4 << 10

	// paceUnit is for how many bytes one arrival is recorded, and paceUnits is how many
	// units must arrive within a maxParamsPause.
	paceUnit  = minParamsRate
	paceUnits = int(maxParamsPause / time.Second)
)

// pace measures how fast a client sends.
type pace struct {
	began  time.Time
	paused time.Duration // time since then in which the client waited for the gateway
	units  int           // that have arrived
	// came has the arrivals of the last units, as time since began without paused: the
	// nth one is at n modulo paceUnits. Those before the first arrived at 0.
	came [paceUnits]time.Duration
}

// deadline returns the time by which the next byte has to arrive, when size bytes have:
// the last paceUnits, and the one that is due, may take maxParamsPause together.
func (p *pace) deadline(size int) time.Time {
	now := time.Since(p.began) - p.paused
	for p.units < size/paceUnit {
		p.units++
		p.came[p.units%paceUnits] = now
	}
	oldest := p.came[(p.units+1)%paceUnits]
	return p.began.Add(p.paused + oldest + maxParamsPause)
}
