// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// patience is how long a client waits for a response before it takes the gateway to wait
	// in turn: for more of the request, or for the upstream.
	patience = 5 * time.Second
	// limit ends what goes on longer than anything here should.
	limit = 15 * time.Second
)

// client is a connection to a gateway.
type client struct {
	connection net.Conn
	reader     *bufio.Reader
}

func dial(address string) (*client, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = connection.SetDeadline(time.Now().Add(limit))
	return &client{connection, bufio.NewReader(connection)}, nil
}

func (c *client) close() { _ = c.connection.Close() }

// response is what a client got.
type response struct {
	status  int
	interim []int
	header  http.Header
	body    string
	whole   bool  // it has ended as its framing says
	err     error // that there was none
}

// errSilent says that nothing came in time.
var errSilent = errors.New("nothing came")

// response reads one, of a request with a method, if it begins within a time, and if the rest
// takes no longer.
func (c *client) response(method string, within time.Duration) *response {
	r := new(response)
	_ = c.connection.SetReadDeadline(time.Now().Add(within))
	if _, r.err = c.reader.Peek(1); errors.Is(r.err, os.ErrDeadlineExceeded) {
		r.err = errSilent
	}
	if r.err != nil {
		return r
	}
	for {
		_ = c.connection.SetReadDeadline(time.Now().Add(within))
		got, err := http.ReadResponse(c.reader, &http.Request{Method: method})
		if err != nil {
			r.err = err
			return r
		}
		if got.StatusCode < http.StatusOK && got.StatusCode != http.StatusSwitchingProtocols {
			r.interim = append(r.interim, got.StatusCode)
			continue
		}
		body, err := io.ReadAll(got.Body)
		r.status, r.header, r.body, r.whole = got.StatusCode, got.Header, string(body), err == nil
		return r
	}
}

// isUpstreams reports whether the response is the upstream's, and not the gateway's own.
func (r *response) isUpstreams() bool {
	return r.header.Get("X-Upstream") != "" || strings.Contains(r.body, "reply id-")
}

// isOwn reports whether it is the whole response to the request with a canary, and to no other.
func (r *response) isOwn(id string) bool {
	return r.err == nil && r.status == http.StatusOK && r.whole && r.body == fmt.Sprintf(`{"file":"reply %s"}`, id)
}

// String says what the client got, with id for the canary of the request.
func (r *response) String() string {
	switch {
	case errors.Is(r.err, errSilent):
		return "nothing"
	case r.err != nil:
		return "the end of the connection"
	case !r.isUpstreams():
		return fmt.Sprintf("%d of the gateway", r.status)
	}
	text := fmt.Sprintf("%d %.60q", r.status, canary.ReplaceAllString(r.body, "ID"))
	if !r.whole {
		text += ", cut off"
	}
	return text
}

// send sends one request on a connection of its own.
func (g *gateway) send(raw, method string) *response {
	c, err := dial(g.address)
	if err != nil {
		return &response{err: err}
	}
	defer c.close()
	if _, err := io.WriteString(c.connection, raw); err != nil {
		return &response{err: err}
	}
	return c.response(method, limit)
}

// halfClose ends what the client sends.
func (c *client) halfClose() {
	_ = c.connection.(interface{ CloseWrite() error }).CloseWrite()
}

// prepare begins a new record, and leaves an idle connection to the upstream in the pool,
// on which the next request leaves.
func (g *gateway) prepare(id string) error {
	g.upstream.forget()
	raw := upload.request(g.address, id)
	var got *response
	for range 5 { // the connections that forget has closed may not be seen to be closed yet
		if got = g.send(raw, upload.method); got.isOwn(id) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("a sound upload got %v", got)
}
