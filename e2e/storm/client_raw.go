// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// sendPart sends half of an upload over HTTP/1.1, ends its side of the connection, and reads the
// response, as no client library does.
func (u *upload) sendPart(address string, m *message) response {
	ctx := context.Background()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return lost(ctx, ctx, err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		u.method, m.target, address, m.mediaType, len(m.body), m.body[:len(m.body)/2])
	if err == nil {
		err = connection.(*net.TCPConn).CloseWrite()
	}
	var got *http.Response
	if err == nil {
		got, err = http.ReadResponse(bufio.NewReader(connection), nil)
	}
	if err == nil {
		defer got.Body.Close()
		var text []byte
		if text, err = io.ReadAll(got.Body); err == nil {
			return read(got.StatusCode, got.Header, text)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return response{ending: silent, reason: err.Error()}
	}
	return lost(ctx, ctx, err)
}
