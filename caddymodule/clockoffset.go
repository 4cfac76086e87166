// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	// offsetAllowance is by how much this machine's clock may differ from the
	// Upload API's, or from what is known of it, before that is corrected.
	offsetAllowance = 30 * time.Second
	// maxOffset is the largest difference that is corrected. Above it, it is
	// the answer that is wrong rather than a clock.
	maxOffset = 24 * time.Hour
	// offsetInterval is how long a comparison of the two clocks holds.
	offsetInterval = time.Minute
	// dateRounding is what the header Date leaves out on average: it has whole
	// seconds.
	dateRounding = 500 * time.Millisecond
)

// offsets compares the Upload API's clock with this machine's, by the header
// Date of its answers. That can be believed over TLS only. Whether an answer
// came over TLS is looked at now and then, since looking costs more than most
// requests should.
type offsets struct {
	start time.Time
	due   atomic.Int64 // when to look again, in nanoseconds since start
	last  atomic.Int32 // what was seen: unknown, plain or secure
}

const (
	connectionUnknown = iota
	connectionPlain
	connectionSecure
)

func newOffsets() *offsets { return &offsets{start: time.Now()} }

// look returns a context for a request that looks at its connection, and where
// it says what it sees; or ctx and nil if it need not.
func (o *offsets) look(ctx context.Context) (context.Context, *connectionLook) {
	now, due := int64(time.Since(o.start)), o.due.Load()
	if now < due {
		return ctx, nil
	}
	// Until something has been seen, all requests look.
	if o.last.Load() != connectionUnknown && !o.due.CompareAndSwap(due, now+int64(offsetInterval)) {
		return ctx, nil
	}
	look := new(connectionLook)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: look.gotConn}), look
}

// of returns the offset of the Upload API's clock to this machine's, if an
// answer that came at a certain moment tells it. A connection that was not
// looked at is taken to be like the last that was.
func (o *offsets) of(header http.Header, at time.Time, look *connectionLook) (time.Duration, bool) {
	connection := o.last.Load()
	if look != nil {
		if connection = look.seen.Load(); connection != connectionUnknown && o.last.Swap(connection) == connectionUnknown {
			o.due.Store(int64(time.Since(o.start) + offsetInterval))
		}
	}
	dates := header["Date"]
	if connection != connectionSecure || len(dates) != 1 || len(header["Age"]) > 0 {
		return 0, false
	}
	date, err := http.ParseTime(dates[0])
	return date.Add(dateRounding).Sub(at), err == nil
}

// connectionLook is what a request sees of its connection. One that is tried
// again sees several, one after the other.
type connectionLook struct{ seen atomic.Int32 }

func (c *connectionLook) gotConn(info httptrace.GotConnInfo) {
	connection := int32(connectionPlain)
	if _, secure := info.Conn.(interface{ ConnectionState() tls.ConnectionState }); secure {
		connection = connectionSecure
	}
	c.seen.Store(connection)
}

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

// compareClocks corrects the clock by what an answer tells of the time.
func (s *Sign) compareClocks(answer *answerWriter, look *connectionLook) {
	if answer.status == 0 {
		return
	}
	if offset, ok := s.offsets.of(answer.Header(), answer.at, look); ok {
		s.correctClocks(offset)
	}
}

// correctClocks makes the clocks of all projects show the time at the Upload
// API, and tells the operator if that changes anything. What was made by the
// wrong time is made anew.
func (s *Sign) correctClocks(offset time.Duration) {
	var most clockChange
	for _, project := range s.Projects {
		c, forget := project.credentials, func() {}
		if _, minted := project.source.(FixedLifetime); minted {
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
