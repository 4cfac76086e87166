// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// far puts a relay between two ends.
func far(roundTrip time.Duration) (client, server net.Conn) {
	client, near := net.Pipe()
	there, server := net.Pipe()
	go connect(near, there, roundTrip)
	return client, server
}

func read(t *testing.T, from net.Conn, size int) string {
	t.Helper()
	content := make([]byte, size)
	if _, err := io.ReadFull(from, content); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestARelayTakesARoundTripToConnectAndOneToRespond(t *testing.T) {
	const roundTrip = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		client, server := far(roundTrip)
		began := time.Now()
		at := func(want time.Duration) {
			t.Helper()
			if took := time.Since(began); took != want {
				t.Errorf("after %v, want %v", took, want)
			}
		}
		for i, arrives := range []time.Duration{3 * roundTrip / 2, 5 * roundTrip / 2} { // the first has connected as well
			_, _ = io.WriteString(client, "question")
			if got := read(t, server, 8); got != "question" {
				t.Errorf("%d: got %q", i, got)
			}
			at(arrives)
			_, _ = io.WriteString(server, "response")
			if got := read(t, client, len("response")); got != "response" {
				t.Errorf("%d: got %q", i, got)
			}
			at(arrives + roundTrip/2)
		}
		_ = server.Close()
		if n, err := client.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("got %d, %v", n, err)
		}
		at(3*roundTrip + roundTrip/2) // the end takes its time too
		_ = client.Close()
		time.Sleep(time.Second)
	})
}

// All of an upload is on its way at once, in order.
func TestARelayLimitsNothing(t *testing.T) {
	const roundTrip = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		client, server := far(roundTrip)
		began := time.Now()
		go func() {
			for piece := range newForm(10 << 20).pieces("") {
				_, _ = client.Write(piece)
			}
			_ = client.Close()
		}()
		content, err := io.ReadAll(server)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := io.ReadAll(newForm(10 << 20).body())
		if string(content) != string(want) {
			t.Errorf("%d bytes arrived, of %d", len(content), len(want))
		}
		if took := time.Since(began); took != 3*roundTrip/2 {
			t.Errorf("after %v", took)
		}
		_ = server.Close()
		time.Sleep(time.Second)
	})
}

// Who sends to an end that has closed learns of it, as it would without a relay.
func TestARelayPassesOnAReset(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	relay, err := newRelay(listener.Addr().String(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.stop()
	client, err := net.Dial("tcp", relay.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
	_ = client.SetDeadline(time.Now().Add(30 * time.Second))
	for err == nil { // until what was written first has come back as a reset
		_, err = io.WriteString(client, "more")
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a write: %v", err)
	}
}

func TestADistantUpstreamTakesUploads(t *testing.T) {
	directory := t.TempDir()
	if err := loopback.MakeCertificate(directory); err != nil {
		t.Fatal(err)
	}
	direct := distant{contender: distantContenders[0].contender}
	for _, kind := range upstreamKinds {
		visitor, stop, err := startDistance(&options{rounds: 3}, direct, kind, 2*time.Millisecond, 0, directory)
		if err != nil {
			t.Fatal(err)
		}
		kind.sizes = []int64{smallFile}
		timings, err := visitor.visit(&options{rounds: 3}, kind) // which compares what arrives
		stop()
		if err != nil {
			t.Fatalf("%s: %v", kind.name, err)
		}
		// A connection, a handshake and the upload; a round more before TLS 1.3.
		if len(timings) != 1 || timings[0].state != cold || timings[0].median < 6*time.Millisecond {
			t.Errorf("%s: got %v", kind.name, timings)
		}
	}
}

func TestTheTableOfDistances(t *testing.T) {
	const distance, upstream = 50 * time.Millisecond, "HTTP/1.1"
	var timings []timing
	for i, column := range columns {
		timings = append(timings, timing{distance, upstream, smallFile, column.contender, column.state, time.Duration(200-20*i) * time.Millisecond})
	}
	want := "| 50ms | HTTP/1.1 | 20 KiB | 200 ms (1.00) | 180 ms (0.90) | 160 ms (0.80) | 140 ms (0.70) | 120 ms (0.60) | 100 ms (0.50) |\n"
	if got := distanceTable(timings); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 3 {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTimesWithinWhichAPartIs(t *testing.T) {
	all := []time.Duration{5, 1, 4, 2, 3}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 3, 1: 5} {
		if got := within(all, part); got != want {
			t.Errorf("%v: got %v, want %v", part, got, want)
		}
	}
}

func TestThePartsOfTheDistanceAreChecked(t *testing.T) {
	for _, test := range []struct {
		cases []string
		right bool
	}{{nil, true}, {[]string{"stale", "bursts"}, true}, {[]string{"1GiB"}, false}} {
		if err := checkDistanceParts(&options{cases: test.cases}); (err == nil) != test.right {
			t.Errorf("%v: got %v", test.cases, err)
		}
	}
}
