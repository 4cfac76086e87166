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
	// offsetInterval is how long a connection's being over TLS is taken for granted.
	offsetInterval = time.Minute
	// dateRounding is what the header Date leaves out on average: it has whole
	// seconds (RFC 9110, section 5.6.7).
	dateRounding = 500 * time.Millisecond
)

// offsets measures the offset of the Upload API's clock to this machine's, by the header
// Date of its responses. Only those over TLS count: on a plain connection anyone on the
// way could set the gateway's clock, and have it use expired tokens or discard good ones.
// Whether a connection has TLS is observed once a minute, since the trace that it takes
// costs allocations that most requests should be spared.
type offsets struct {
	start time.Time
	due   atomic.Int64 // when to observe again, in nanoseconds since start
	last  atomic.Int32 // what was observed last, one of the constants below
}

const (
	connectionUnknown = iota
	connectionPlain
	connectionSecure
)

func newOffsets() *offsets { return &offsets{start: time.Now()} }

// observe returns a context for a request whose connection is observed, and where the
// result will be; or ctx and nil if none is due.
func (o *offsets) observe(ctx context.Context) (context.Context, *observedConnection) {
	now, due := int64(time.Since(o.start)), o.due.Load()
	if now < due {
		return ctx, nil
	}
	// Until there is a result, all requests observe: the first may never get a
	// connection. After that, one in each interval does.
	if o.last.Load() != connectionUnknown && !o.due.CompareAndSwap(due, now+int64(offsetInterval)) {
		return ctx, nil
	}
	observed := new(observedConnection)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: observed.gotConn}), observed
}

// measure returns the offset of the Upload API's clock to this machine's, by the header
// of a response that came at the given moment, and whether there is any to be had. A
// connection that was not observed is taken to be like the last that was. A response
// with an Age has been in a cache, and its Date is as old (RFC 9111, section 5.1).
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

// observedConnection is what the trace of a request has seen of its connection. If the
// proxy tries several upstreams, the last counts: the response is of that one.
type observedConnection struct{ seen atomic.Int32 }

func (c *observedConnection) gotConn(info httptrace.GotConnInfo) {
	connection := int32(connectionPlain)
	if _, secure := info.Conn.(interface{ ConnectionState() tls.ConnectionState }); secure {
		connection = connectionSecure
	}
	c.seen.Store(connection)
}

// compareClocks corrects the clock of all projects by a response, if there is one.
func (s *Sign) compareClocks(response *responseWriter, observed *observedConnection) {
	if response.status == 0 {
		return
	}
	if offset, ok := s.offsets.measure(response.Header(), response.at, observed); ok {
		s.projects.CorrectClocks(offset)
	}
}
