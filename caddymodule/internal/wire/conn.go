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
// net/http's client finds [Conn.ReadFrom], and uses it for bodies of known length;
// for others there is [Body]. Reads, addresses and deadlines are those of the
// connection below.
type Conn struct {
	net.Conn
	sender  sender
	records *Records // below TLS, or nil
}

// TLSConn is a [Conn] over TLS. It is a type of its own because a trace's GotConn
// recognises a secure connection by its method ConnectionState.
type TLSConn struct {
	*Conn
	secure *tls.Conn
}

// NewTLSConn returns a connection that sends over another, as [NewConn] does.
// records are what that one sends over, or nil if they are not known.
func NewTLSConn(secure *tls.Conn, records *Records, small bool) *TLSConn {
	return &TLSConn{NewConn(secure, records, small), secure}
}

// Drained reports whether the TLS layer holds no data that has been received but
// not read. reader must be the only reader of this connection, and not be in use.
// Without known records it reports false.
//
// [tls.Conn] has no method that says so. So one byte is read while the connection
// below pretends to have reached a deadline: if TLS has data, it returns that, and
// otherwise the deadline's error, which it does not remember.
func (c *TLSConn) Drained(reader *bufio.Reader) bool {
	if c.records == nil {
		return false
	}
	c.records.dry.Store(true)
	_, err := reader.Peek(1)
	c.records.dry.Store(false)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// ConnectionState returns the state of the TLS connection.
func (c *TLSConn) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// NewConn returns a connection that sends over another. If that one is a
// *[tls.Conn], records is the connection below it, or nil if that is not known.
// small limits pieces to [SmallBuffer] bytes.
func NewConn(connection net.Conn, records *Records, small bool) *Conn {
	c := &Conn{Conn: connection, records: records}
	c.sender.init(c.send, small)
	return c
}

// NetConn returns the connection below, as [tls.Conn.NetConn] does.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// send writes one piece to the connection below; over TLS, with all its records in
// as few writes as possible.
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

// Write implements [net.Conn]. The head of a request with a body is held back for
// the body's first bytes, for [MaxHold] at most, so that a small upload leaves in
// one packet. An error of a head that was held back is returned by the next write.
func (c *Conn) Write(p []byte) (int, error) {
	if announcesBody(p) && c.sender.hold(p) {
		return len(p), nil
	}
	if err := c.sender.writeNow(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Send writes the head of a request and its body, in one write if they are small.
// It returns how many bytes of the body have been written.
func (c *Conn) Send(head []byte, body io.Reader) (int64, error) {
	if !c.sender.hold(head) {
		if err := c.sender.writeNow(head); err != nil {
			return 0, err
		}
	}
	return c.sender.send(body)
}

// ReadFrom implements [io.ReaderFrom]. An error of body ends it, and what has been
// gathered since the last write is dropped.
func (c *Conn) ReadFrom(body io.Reader) (int64, error) { return c.sender.send(body) }

// Close implements [net.Conn]. It may be called while a body is being sent.
func (c *Conn) Close() error {
	c.sender.closed.Store(true)
	c.sender.timer.Stop()
	return c.Conn.Close()
}

// CloseWrite closes the writing half, if the connection below can do so, as
// [net.TCPConn] and [tls.Conn] can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return fmt.Errorf("%T: closing for writing: %w", c.Conn, errors.ErrUnsupported)
}

// announcesBody reports whether p is the head of a request that a body follows at
// once. It knows how net/http writes a head, and does not parse it: if it is wrong,
// the head leaves [MaxHold] later. After `Expect: 100-continue` the client waits
// for a response, so that head must not be held back.
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
