// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// BenchmarkQUICWindows uploads over QUIC alone to a server 100 ms away, on a new connection
// each time: with quic-go's windows, and with such as never run out. What the second does
// not gain, no setting of windows can give.
func BenchmarkQUICWindows(b *testing.B) {
	const never = 1 << 30
	for _, windows := range []struct {
		name   string
		config *quic.Config
	}{
		{"default", nil},
		{"never-full", &quic.Config{
			InitialStreamReceiveWindow: never, MaxStreamReceiveWindow: never,
			InitialConnectionReceiveWindow: never, MaxConnectionReceiveWindow: never,
		}},
	} {
		for _, size := range []int64{8 << 20, 32 << 20, 256 << 20} {
			b.Run(windows.name+"/"+sizeName(size), func(b *testing.B) {
				address := serveQUIC(b, windows.config)
				relay, err := newPacketRelay(address, 100*time.Millisecond)
				if err != nil {
					b.Fatal(err)
				}
				defer relay.stop()
				b.SetBytes(size)
				for b.Loop() {
					if err := uploadQUIC(b, relay.near.LocalAddr().String(), size); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// serveQUIC starts a server that responds to the end of a stream with one byte.
func serveQUIC(b *testing.B, config *quic.Config) (address string) {
	b.Helper()
	directory := b.TempDir()
	if err := loopback.MakeCertificate(directory); err != nil {
		b.Fatal(err)
	}
	secure, err := loopback.ServerTLS(directory)
	if err != nil {
		b.Fatal(err)
	}
	secure.NextProtos = []string{"upload"}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	enlarge(socket)
	listener, err := quic.Listen(socket, secure, config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = listener.Close()
		_ = socket.Close()
	})
	go func() {
		for {
			connection, err := listener.Accept(b.Context())
			if err != nil {
				return
			}
			go func() {
				stream, err := connection.AcceptStream(b.Context())
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, stream)
				_, _ = stream.Write([]byte("."))
				_ = stream.Close()
			}()
		}
	}()
	return socket.LocalAddr().String()
}

// uploadQUIC sends one upload on a connection of its own, and waits for its response.
func uploadQUIC(b *testing.B, address string, size int64) error {
	b.Helper()
	connection, err := quic.DialAddr(b.Context(), address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"upload"}}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = connection.CloseWithError(0, "") }()
	stream, err := connection.OpenStreamSync(b.Context())
	if err != nil {
		return err
	}
	if _, err := io.Copy(stream, io.LimitReader(zeros{}, size)); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	_, err = io.ReadFull(stream, make([]byte, 1))
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
