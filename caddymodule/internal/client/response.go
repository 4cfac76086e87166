// SPDX-License-Identifier: Apache-2.0

package client

import (
	"io"
	"net/http"
	"sync/atomic"
)

// responseBody is the body of a response, as it comes on a connection.
type responseBody struct {
	source     io.Reader
	connection *persistentConn
	last       bool        // no other response comes after it
	stop       func() bool // of sending
	ended      atomic.Bool
}

// newResponseBody returns the body of a response whose header has been read.
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
	if failure := b.connection.failed(); failure != nil && !whole {
		err = failure
	}
	b.end(whole)
	return n, err
}

// Close implements [io.Closer]. The rest of the response is not waited for.
func (b *responseBody) Close() error {
	b.end(false)
	return nil
}

// end gives the connection back. It may be used for other requests then.
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
