// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"testing"
	"time"
)

// echo responds to each packet with the packet, and its sender's address behind it.
func echo(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		for {
			packet, from, err := receive(socket)
			if err != nil {
				return
			}
			_, _ = socket.WriteToUDPAddrPort(append(packet, from.String()...), from)
		}
	}()
	return socket
}

func TestAPacketRelayTakesARoundTripAndKeepsClientsApart(t *testing.T) {
	t.Parallel()
	const roundTrip = 100 * time.Millisecond
	relay, err := newPacketRelay(echo(t).LocalAddr().String(), roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.stop()
	senders := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		client, err := net.Dial("udp", relay.near.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		_ = client.SetDeadline(time.Now().Add(10 * time.Second))
		for range 3 { // over the same socket to the far end
			began := time.Now()
			if _, err := client.Write([]byte(name)); err != nil {
				t.Fatal(err)
			}
			response := make([]byte, maxPacket)
			n, err := client.Read(response)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < roundTrip {
				t.Errorf("%s: a response after %v", name, took)
			}
			if string(response[:1]) != name {
				t.Errorf("%s got %q", name, response[:n])
			}
			senders[string(response[:n])] = true
		}
	}
	if len(senders) != 2 {
		t.Errorf("two clients have the addresses %v at the far end", senders)
	}
}

func TestAPacketRelayThatIsStoppedForwardsNothing(t *testing.T) {
	t.Parallel()
	far := echo(t)
	relay, err := newPacketRelay(far.LocalAddr().String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("udp", relay.near.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	response := make([]byte, maxPacket)
	_ = client.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(response); err != nil {
		t.Fatal(err)
	}
	relay.stop()
	_, _ = client.Write([]byte("b")) // there is no listener, which a socket may learn at once
	_ = client.SetDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := client.Read(response); err == nil {
		t.Errorf("got %q", response[:n])
	}
}
