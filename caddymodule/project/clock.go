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
	// offsetAllowance is by how much this machine's clock may differ from the
	// Upload API's, or from what is known of it, before that is corrected.
	offsetAllowance = 30 * time.Second
	// maxOffset is the largest difference that is corrected. Above it, it is
	// the answer that is wrong rather than a clock.
	maxOffset = 24 * time.Hour
)

// clockChange is what a comparison leads to. The greater is the one to tell of
// where there are several.
type clockChange int

const (
	clockUnchanged clockChange = iota
	clockRight                 // it is not corrected any more
	clockCorrected
	clockWrong // by more than is corrected
)

// correction makes a project's clock show the time at the Upload API.
type correction struct {
	mu     sync.Mutex
	excess time.Duration // the difference that was too large, or 0
}

// by corrects the clock by the offset that was measured. forget is called when
// that changes the clock, before anybody else knows.
func (c *correction) by(offset time.Duration, clock *token.Clock, forget func()) clockChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	excess := c.excess
	c.excess = 0
	switch {
	case (offset - clock.Offset()).Abs() <= offsetAllowance:
		return clockUnchanged
	case offset.Abs() > maxOffset:
		if c.excess = offset; (offset - excess).Abs() <= offsetAllowance {
			return clockUnchanged // and told
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

// CorrectClocks makes the clocks of all projects show the time at the Upload
// API, whose offset to this machine's was measured, and tells the operator if that
// changes anything. What was made by the wrong time is made anew.
func (s *Set) CorrectClocks(offset time.Duration) {
	var most clockChange
	for _, project := range s.all {
		c, forget := project.credentials, func() {}
		if _, minted := project.source.(source.FixedLifetime); minted {
			forget = c.cache.Clear
		}
		most = max(most, c.correction.by(offset, c.clock, forget))
	}
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
