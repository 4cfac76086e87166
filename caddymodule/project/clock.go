// SPDX-License-Identifier: Apache-2.0

package project

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

const (
	// offsetAllowance is the difference between this machine's clock and the Upload
	// API's up to which nothing is corrected. Responses take time, and both clocks drift.
	offsetAllowance = 30 * time.Second
	// maxOffset is the largest difference that is corrected. A larger one is rather a
	// response with a wrong Date than a wrong clock.
	maxOffset = 24 * time.Hour
)

// clockChange is the result of a comparison. Of several projects' results the greatest is
// reported.
type clockChange int

const (
	clockUnchanged clockChange = iota
	clockRight                 // the correction has ended
	clockCorrected
	clockWrong // the difference is too large to be corrected
)

// correction makes a project's clock show the time at the Upload API.
type correction struct {
	mu     sync.Mutex
	excess time.Duration // the difference that was reported as too large, or 0
}

// by corrects the clock by the offset that was measured. If that changes the clock, forget
// is called before another comparison can begin.
func (c *correction) by(offset time.Duration, clock *token.Clock, forget func()) clockChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Any other result ends what was reported, so that the next excess is news.
	excess := c.excess
	c.excess = 0
	switch {
	case (offset - clock.Offset()).Abs() <= offsetAllowance:
		return clockUnchanged
	// What was corrected before stays: for one odd Date, credentials must not be made for
	// another time.
	case offset.Abs() > maxOffset:
		if c.excess = offset; (offset - excess).Abs() <= offsetAllowance {
			return clockUnchanged // it has been reported
		}
		return clockWrong
	case offset.Abs() <= offsetAllowance:
		clock.Correct(0)
		forget()
		return clockRight
	default:
		clock.Correct(offset)
		forget()
		return clockCorrected
	}
}

// ClockCorrected reports whether the clock of any project is corrected.
func (s *Set) ClockCorrected() bool {
	for _, project := range s.all {
		if project.credentials.clock.Offset() != 0 {
			return true
		}
	}
	return false
}

// CorrectClocks makes the clocks of all projects show the time at the Upload API, given the
// offset of its clock to this machine's, and logs a change. Credentials that were made for
// the wrong time are discarded: the service would reject them as expired.
func (s *Set) CorrectClocks(offset time.Duration) {
	var most clockChange
	for _, project := range s.all {
		c, forget := project.credentials, func() {}
		// A resolver's tokens stay: it set their expiry by a clock of its own.
		if _, minted := project.source.(source.FixedLifetime); minted {
			forget = c.cache.Clear
		}
		most = max(most, c.correction.by(offset, c.clock, forget))
	}
	// One line for all projects, which have one clock and one service.
	difference := zap.Duration("difference", offset.Round(time.Second))
	switch most {
	case clockRight:
		s.logger.Info("this machine's clock agrees with the Upload API's again")
	case clockCorrected:
		s.logger.Warn("this machine's clock differs from the Upload API's, by whose time credentials are made now; set it right", difference)
	case clockWrong:
		s.logger.Error("this machine's clock differs from the Upload API's by more than is corrected; set it right", difference, zap.Duration("maximum", maxOffset))
	case clockUnchanged:
	}
}
