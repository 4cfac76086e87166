// SPDX-License-Identifier: Apache-2.0

// Package rawtest has for tests what net/http does not show: servers below HTTP,
// and bodies that come as a test wants.
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

// Serve starts a server on loopback. serve has each connection, with its number
// from 0 on, in a goroutine of its own; after it the connection is closed. When the
// test ends, all connections are, and the server is waited for. Serve returns its
// host and port.
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
			if err != nil {
				return
			}
			serving.Go(func() {
				defer connection.Close()
				defer context.AfterFunc(tb.Context(), func() { _ = connection.Close() })()
				serve(connection, number)
			})
		}
	})
	return listener.Addr().String()
}

// Closed returns an address on loopback at which nobody listens.
func Closed(tb testing.TB) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// Discard reads what comes over a connection until its end, and says nothing.
func Discard(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) }

// ReadRequest reads a request and its body, which is closed afterwards.
func ReadRequest(reader *bufio.Reader) (*http.Request, string, error) {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return nil, "", err
	}
	defer request.Body.Close()
	body, err := io.ReadAll(request.Body)
	return request, string(body), err
}

// ReaderFunc is a function that reads.
type ReaderFunc func(p []byte) (int, error)

// Read implements [io.Reader].
func (f ReaderFunc) Read(p []byte) (int, error) { return f(p) }
