// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// Conn is a connection of an HTTP/1.1 client that sends bodies in large pieces.
// The client finds [Conn.ReadFrom] and uses it for bodies whose length is known;
// for others there is [Body].
type Conn struct {
	net.Conn
	sender  sender
	records *Records // below TLS, or nil
}

// TLSConn is a [Conn] over TLS.
type TLSConn struct {
	*Conn
	secure *tls.Conn
}

// NewTLSConn returns a connection that sends over another, as [NewConn] does.
// records are what that one sends over, or nil if they are not known.
func NewTLSConn(secure *tls.Conn, records *Records, small bool) *TLSConn {
	return &TLSConn{NewConn(secure, records, small), secure}
}

// Drained reports whether nothing is left of what has been read from the connection
// below TLS, given the only reader that reads from this one. If records are not
// known, it is taken for not drained.
func (c *TLSConn) Drained(reader *bufio.Reader) bool {
	if c.records == nil {
		return false // it cannot be seen
	}
	c.records.dry.Store(true)
	_, err := reader.Peek(1)
	c.records.dry.Store(false)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// ConnectionState returns what was agreed on.
func (c *TLSConn) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// NewConn returns a connection that sends over another. If that one is a
// *tls.Conn, records are what it sends over, if they are known. If pieces are to
// be small, they have at most [SmallBuffer] bytes.
func NewConn(connection net.Conn, records *Records, small bool) *Conn {
	c := &Conn{Conn: connection, records: records}
	c.sender.init(c.send, small)
	return c
}

// NetConn returns the connection that it sends over.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// send writes to the connection below.
func (c *Conn) send(p []byte) error {
	if c.records == nil {
		_, err := c.Conn.Write(p)
		return err
	}
	c.records.gather()
	_, err := c.Conn.Write(p)
	if flushErr := c.records.flush(); err == nil {
		err = flushErr
	}
	return err
}

// Write implements [net.Conn]. The head of a request with a body waits for the
// body's first bytes, but for [MaxHold] at most.
func (c *Conn) Write(p []byte) (int, error) {
	if announcesBody(p) && c.sender.hold(p) {
		return len(p), nil
	}
	if err := c.sender.writeNow(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Send writes the head of a request and its body, together as far as they are
// small, and returns how much of the body has been written.
func (c *Conn) Send(head []byte, body io.Reader) (int64, error) {
	if !c.sender.hold(head) {
		if err := c.sender.writeNow(head); err != nil {
			return 0, err
		}
	}
	return c.sender.send(body)
}

// ReadFrom implements [io.ReaderFrom].
func (c *Conn) ReadFrom(body io.Reader) (int64, error) { return c.sender.send(body) }

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.sender.closed.Store(true)
	c.sender.timer.Stop()
	return c.Conn.Close()
}

// CloseWrite closes the connection for writing, if it can be.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return fmt.Errorf("%T: closing for writing: %w", c.Conn, errors.ErrUnsupported)
}

// announcesBody reports whether p is the head of a request after which the
// client writes a body at once. To be wrong costs time, [MaxHold] at most.
func announcesBody(p []byte) bool {
	line, header, _ := bytes.Cut(p, crlf)
	if !bytes.HasSuffix(line, version) || !bytes.HasSuffix(header, crlfCRLF) || bytes.Contains(header, expect) {
		return false
	}
	if i := bytes.Index(header, contentLength); i >= 0 {
		return header[i+len(contentLength)] != '0'
	}
	return bytes.Contains(header, chunked)
}

var (
	crlf          = []byte("\r\n")
	crlfCRLF      = []byte("\r\n\r\n")
	version       = []byte(" HTTP/1.1")
	expect        = []byte("\r\nExpect: ")
	contentLength = []byte("\r\nContent-Length: ")
	chunked       = []byte("\r\nTransfer-Encoding: chunked\r\n")
)

// Interface guards
var (
	_ net.Conn      = (*Conn)(nil)
	_ io.ReaderFrom = (*Conn)(nil)
	_ net.Conn      = (*TLSConn)(nil)
	_ io.ReaderFrom = (*TLSConn)(nil)
)
