// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// A slow client takes its pace, whatever its transport reads at a time. An upload of 16 MiB
// that paused before each 32 KiB took longer than clients have patience.
func TestASlowClientTakesItsPace(t *testing.T) {
	for name, reader := range map[string]func(io.Reader) io.Reader{
		"as much as there is room for": func(r io.Reader) io.Reader { return r },
		"half of that":                 iotest.HalfReader,
		"byte by byte":                 iotest.OneByteReader,
	} {
		for _, size := range []int{1, pieces, 1000, 200 << 10} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					u := &upload{pace: 2 * time.Second, endpoint: endpointBase, method: "POST"}
					content := bytes.Repeat([]byte("a"), size)
					r, err := u.request(t.Context(), nil, "upload.test", &message{body: content})
					if err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					sent, err := io.ReadAll(reader(r.Body))
					if err != nil || !bytes.Equal(sent, content) {
						t.Fatalf("%d bytes: %v", len(sent), err)
					}
					// A pause more may stand before the end; short bodies have fewer pieces.
					if took := time.Since(began); took > u.pace+u.pace/pieces || took < u.pace/pieces || size > 1000 && took < u.pace {
						t.Errorf("%d bytes took %s", size, took)
					}
				})
			})
		}
	}
}

// An upload to a gateway that is not there was not sent, over any protocol.
func TestAGatewayThatIsNotThereIsSentNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	for _, protocol := range []protocol{http1, http1TLS, http2, http3} {
		u := &upload{protocol: protocol, endpoint: endpointBase, method: http.MethodPost}
		if got := u.send(newTransport(protocol, new(tls.Config)), address, &message{body: []byte("a"), target: endpointBase}); got.ending != unsent {
			t.Errorf("%v: %s, %s", protocol, got.ending, got.reason)
		}
	}
}
