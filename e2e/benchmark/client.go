// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/quic-go/quic-go/http3"
)

// client sends one upload after another over one connection.
type client interface {
	// upload returns the body of a response with status 200.
	upload(form form, verify bool) (string, error)
	close()
}

// newClient returns a client that uses a protocol.
func newClient(speaks protocol, address string, config *tls.Config) (client, error) {
	switch speaks {
	case http1, http1TLS:
		return newPlainClient(speaks, address, config)
	// One client each, with a connection of its own. If they shared a transport, Go would
	// put all uploads on one connection, as no two browsers do.
	case http2Protocol:
		only := new(http.Protocols)
		only.SetHTTP2(true)
		return &roundTripClient{address: address, transport: &http.Transport{TLSClientConfig: config.Clone(), Protocols: only}}, nil
	case http3Protocol:
		return &roundTripClient{address: address, transport: &http3.Transport{TLSClientConfig: config.Clone()}}, nil
	}
	return nil, fmt.Errorf("no client speaks %s", speaks)
}

// plainClient uses HTTP/1.1 with as little work as possible: clients, contenders and sink
// share the processors.
type plainClient struct {
	address    string
	connection net.Conn
	reader     *bufio.Reader
	small      form   // the last one, if it was small
	request    []byte // its whole request
}

// newPlainClient connects a plainClient.
func newPlainClient(speaks protocol, address string, config *tls.Config) (*plainClient, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if speaks == http1TLS {
		// The handshake comes with the first write, before the clock starts: see visit.
		connection = tls.Client(connection, config)
	}
	return &plainClient{address: address, connection: connection, reader: bufio.NewReader(connection)}, nil
}

// upload implements client.
func (c *plainClient) upload(form form, verify bool) (string, error) {
	if err := c.send(form, verify); err != nil {
		return "", err
	}
	return c.response()
}

// send sends a request. A small form that is sent again and again is formatted once: the
// client must not take time from the contenders, which share its processors.
func (c *plainClient) send(form form, verify bool) error {
	if !verify && c.request != nil && form == c.small {
		_, err := c.connection.Write(c.request)
		return err
	}
	c.request = nil
	for piece := range form.pieces(form.head(c.address, verify)) {
		if !verify && form.small() {
			c.small, c.request = form, piece
		}
		if _, err := c.connection.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// response reads a response, and fails unless its status is 200.
func (c *plainClient) response() (string, error) {
	head, err := readHead(c.reader)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(head.body(c.reader))
	if err == nil {
		// Or the next response would begin with what is left.
		err = head.readTrailer(c.reader)
	}
	// A contender that refuses quickly must not win.
	if err == nil && !strings.HasPrefix(head.start, "HTTP/1.1 200 ") {
		err = fmt.Errorf("%s: %s", head.start, body)
	}
	return string(body), err
}

// close implements client.
func (c *plainClient) close() { _ = c.connection.Close() }

// roundTripClient uses the protocol of a library's transport.
type roundTripClient struct {
	address   string
	transport interface {
		http.RoundTripper
		CloseIdleConnections()
	}
}

// upload implements client.
func (c *roundTripClient) upload(form form, verify bool) (string, error) {
	request, err := http.NewRequest(http.MethodPost, "https://"+c.address+"/base/", form.body())
	if err != nil {
		return "", err
	}
	// Browsers send one; without it, the contenders would pass a body of unknown length
	// on, chunked.
	request.ContentLength = form.length()
	request.Header.Set("Content-Type", form.contentType())
	request.Header.Set("User-Agent", userAgent)
	if verify {
		request.Header.Set(verifyHeader, "1")
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

// close implements client.
func (c *roundTripClient) close() {
	c.transport.CloseIdleConnections()
	if closer, ok := c.transport.(io.Closer); ok {
		_ = closer.Close()
	}
}
