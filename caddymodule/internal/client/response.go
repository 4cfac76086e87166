// SPDX-License-Identifier: Apache-2.0

package client

import (
	"io"
	"net/http"
	"sync/atomic"
)

// responseBody is the body of a response. It owns the connection that it arrives
// on, and releases it at its end.
type responseBody struct {
	source     io.Reader
	connection *persistentConn
	last       bool        // the connection ends with it, as the upstream said
	stop       func() bool // see sending.stop
	ended      atomic.Bool // the connection has been released
}

// newResponseBody returns the body of a response whose header has been read. An
// empty one releases the connection at once, for its caller need not read it.
func newResponseBody(response *http.Response, connection *persistentConn, stop func() bool) io.ReadCloser {
	b := &responseBody{source: response.Body, connection: connection, last: response.Close, stop: stop}
	if response.Body == http.NoBody {
		b.end(true)
		return http.NoBody
	}
	return b
}

// Read implements [io.Reader].
func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	if err == nil {
		return n, nil
	}
	whole := err == io.EOF //nolint:errorlint // readers return io.EOF itself
	if failure := b.connection.failureCause(); failure != nil && !whole {
		err = failure
	}
	b.end(whole)
	return n, err
}

// Close implements [io.Closer]. If the body has not been read to its end, the
// connection is closed: reading the rest could take any time.
func (b *responseBody) Close() error {
	b.end(false)
	return nil
}

// end releases the connection: for reuse if all of the response has been read and
// its context has not ended, which could close the connection at any moment.
func (b *responseBody) end(whole bool) {
	if b.ended.Swap(true) {
		return
	}
	if b.stop() && whole && !b.last {
		b.connection.finish()
	} else {
		b.connection.close()
	}
}

// Interface guard
var _ io.ReadCloser = (*responseBody)(nil)
