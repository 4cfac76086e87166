// SPDX-License-Identifier: Apache-2.0

package loopback

import (
	"net"
	"testing"
)

func TestAPortIsGivenOnce(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 2000 { // of 28,000, so that the system names some twice
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %s was given twice", port)
		}
		seen[port] = true
	}
}

func TestAPortCanBeListenedOn(t *testing.T) {
	t.Parallel()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", port)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = packets.Close()
}
