// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// BenchmarkSmallUpload measures an upload of 20 KiB over an idle connection, by net/http and
// by the client, including a server that reads it and responds. The difference is the reason
// for the client.
func BenchmarkSmallUpload(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	content := strings.Repeat("x", 20<<10)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go drainUploads(connection, len(content))
		}
	}()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wire.NewConn(connection, nil, false), nil
	}
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 100, DisableCompression: true}
	own := client.New(transport, false)
	defer own.CloseIdleConnections()
	for name, via := range map[string]http.RoundTripper{"net-http": transport, "client": own} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				body := strings.NewReader("")
				r := &http.Request{
					Method: http.MethodPost, URL: &url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/base/"},
					Header:        http.Header{"Content-Type": {"multipart/form-data; boundary=x"}, "User-Agent": {"test"}, "Accept": {"*/*"}},
					ContentLength: int64(len(content)),
				}
				r = r.WithContext(handover.With(b.Context(), &handover.Request{Interrupter: none{}}))
				for pb.Next() {
					body.Reset(content)
					r.Body = io.NopCloser(struct{ io.Reader }{body})
					response, err := via.RoundTrip(r)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
			})
		})
	}
}

// drainUploads responds to requests with bodies of one length.
func drainUploads(connection net.Conn, length int) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 64<<10)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > len("\r\n") {
			continue
		}
		if _, err := reader.Discard(length); err != nil {
			return
		}
		if _, err := io.WriteString(connection, ok); err != nil {
			return
		}
	}
}
