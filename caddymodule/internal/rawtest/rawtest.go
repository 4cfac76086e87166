// SPDX-License-Identifier: Apache-2.0

// Package rawtest helps tests with what net/http hides: servers that handle bare
// connections, and bodies that arrive as a test prescribes.
package rawtest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Serve starts a server on loopback and returns its host and port. It calls serve
// for each connection, with the connection's number from 0 on, in a goroutine of its
// own, and closes the connection afterwards. When the test ends, all connections are
// closed, and all goroutines waited for.
func Serve(tb testing.TB, serve func(connection net.Conn, number int)) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var serving sync.WaitGroup
	tb.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for number := 0; ; number++ {
			connection, err := listener.Accept()
			if err != nil { // the listener is closed: the test has ended
				return
			}
			serving.Go(func() {
				defer connection.Close()
				// A serve that waits for a client would keep the test from ending.
				defer context.AfterFunc(tb.Context(), func() { _ = connection.Close() })()
				serve(connection, number)
			})
		}
	})
	return listener.Addr().String()
}

// Closed returns an address on loopback to which connections are refused.
func Closed(tb testing.TB) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_ = listener.Close() // the port stays unused for a while: systems hand them out in turn
	return listener.Addr().String()
}

// Discard reads from a connection until its end, and sends nothing.
func Discard(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) }

// ReadRequest reads a request and all of its body.
func ReadRequest(reader *bufio.Reader) (*http.Request, string, error) {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return nil, "", err
	}
	defer request.Body.Close()
	body, err := io.ReadAll(request.Body)
	return request, string(body), err
}

// ReaderFunc is a function used as an [io.Reader].
type ReaderFunc func(p []byte) (int, error)

// Read implements [io.Reader].
func (f ReaderFunc) Read(p []byte) (int, error) { return f(p) }
