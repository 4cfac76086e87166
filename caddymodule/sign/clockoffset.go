// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
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
func (o *offsets) observe(ctx context.Context) (context.Context, *observedConnection) {
	now, due := int64(time.Since(o.start)), o.due.Load()
	if now < due {
		return ctx, nil
	}
	// Until something has been seen, all requests look.
	if o.last.Load() != connectionUnknown && !o.due.CompareAndSwap(due, now+int64(offsetInterval)) {
		return ctx, nil
	}
	observed := new(observedConnection)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: observed.gotConn}), observed
}

// of returns the offset of the Upload API's clock to this machine's, if an
// answer that came at a certain moment tells it. A connection that was not
// looked at is taken to be like the last that was.
func (o *offsets) measure(header http.Header, at time.Time, observed *observedConnection) (time.Duration, bool) {
	connection := o.last.Load()
	if observed != nil {
		if connection = observed.seen.Load(); connection != connectionUnknown && o.last.Swap(connection) == connectionUnknown {
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

// observedConnection is what a request sees of its connection. One that is tried
// again sees several, one after the other.
type observedConnection struct{ seen atomic.Int32 }

func (c *observedConnection) gotConn(info httptrace.GotConnInfo) {
	connection := int32(connectionPlain)
	if _, secure := info.Conn.(interface{ ConnectionState() tls.ConnectionState }); secure {
		connection = connectionSecure
	}
	c.seen.Store(connection)
}

// compareClocks corrects the clock by what an answer tells of the time.
func (s *Sign) compareClocks(response *responseWriter, observed *observedConnection) {
	if response.status == 0 {
		return
	}
	if offset, ok := s.offsets.measure(response.Header(), response.at, observed); ok {
		s.projects.CorrectClocks(offset)
	}
}
