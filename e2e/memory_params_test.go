// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// paramsLimit is the largest urlencoded body.
	paramsLimit = 512 << 10
	// paramsGrowth is how much the process may grow while three hundred clients
	// send one each: twice what all bodies may take together, which is how far Go
	// lets its heap grow, and what the connections take.
	paramsGrowth = 150_000_000
	// paramsPause is how long a client may be silent.
	paramsPause = 10 * time.Second
)

// newParamsSink is a slow Upload API that stores nothing, and counts the requests that are
// complete and signed once.
func newParamsSink(t *testing.T) (address string, whole *atomic.Int32) {
	t.Helper()
	whole = new(atomic.Int32)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		time.Sleep(100 * time.Millisecond)
		text := string(body)
		if err == nil && len(body) > paramsLimit && strings.Count(text, "&signature=") == 1 && strings.Count(text, "&expire=") == 1 {
			whole.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(sink.Close)
	return sink.URL, whole
}

// sendParams sends a urlencoded body over a connection of its own, or half of it
// and nothing more, and returns the response and how long it took.
func sendParams(address, body string, half bool) (status, text string, took time.Duration) {
	began := time.Now()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return "", err.Error(), 0
	}
	defer connection.Close()
	_ = connection.SetDeadline(began.Add(2 * time.Minute))
	sent := body
	if half {
		sent = body[:len(body)/2]
	}
	go func() {
		_, _ = fmt.Fprintf(connection, "POST /group/ HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", address, len(body))
		_, _ = io.WriteString(connection, sent)
	}()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return "", err.Error(), time.Since(began)
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", response.Header.Get("Retry-After")), string(content), time.Since(began)
}

// Invariant 4: what is held of urlencoded bodies is bounded, however many come
// at once. All are served, or get a Retry-After, and those that stall are in
// the others' way for no longer than their time limit.
func TestInvariant4ABurstOfUrlencodedBodiesTakesBoundedMemory(t *testing.T) {
	const clients = 300
	beginning := "pub_key=demopublickey&a="
	body := beginning + strings.Repeat("x", paramsLimit-len(beginning))
	for name, stalls := range map[string]bool{"all send": false, "a quarter stalls": true} {
		t.Run(name, func(t *testing.T) {
			sink, whole := newParamsSink(t)
			address := freeAddress(t)
			p := start(t, gateway(address, sink))
			for range 5 {
				if status, text, _ := sendParams(address, body, false); status != "200 " {
					t.Fatalf("response %s %s", status, text)
				}
			}
			whole.Store(0)
			idle := p.rss()
			measured := p.watch()
			var running sync.WaitGroup
			var served, refused, timedOut, slowest atomic.Int64
			for i := range clients {
				running.Go(func() {
					half := stalls && i%4 == 0
					status, text, took := sendParams(address, body, half)
					switch {
					case !half && status == "200 ":
						served.Add(1)
					case !half && status == "503 5":
						refused.Add(1)
					case half && status == "408 ":
						timedOut.Add(1)
					default:
						t.Errorf("client %d, stalled: %v: response %q %q after %v", i, half, status, text, took)
					}
					for !half {
						if most := slowest.Load(); int64(took) <= most || slowest.CompareAndSwap(most, int64(took)) {
							break
						}
					}
				})
			}
			running.Wait()
			_, peak := measured()
			t.Logf("%d served, %d to retry, %d timed out; the slowest took %v; idle %d KiB, growth %d KiB",
				served.Load(), refused.Load(), timedOut.Load(), time.Duration(slowest.Load()), idle>>10, (peak-idle)>>10)
			if growth := peak - idle; growth > paramsGrowth {
				t.Errorf("the gateway grew by %d bytes", growth)
			}
			if int64(whole.Load()) != served.Load() {
				t.Errorf("%d bodies arrived whole, and %d were served", whole.Load(), served.Load())
			}
			// How long the others take by themselves depends on the machine.
			if stalls && time.Duration(slowest.Load()) > 3*paramsPause {
				t.Errorf("the others waited for those that stall: %v", time.Duration(slowest.Load()))
			}
		})
	}
}

// trickleParams sends much of a urlencoded body at once and hardly anything
// afterwards, over one connection after the other, until done is closed. It
// counts those that the gateway ended.
func trickleParams(address string, ended *atomic.Int64, done <-chan struct{}) {
	for {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		go func() {
			_, _ = fmt.Fprintf(connection, "POST /group/ HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\npub_key=demopublickey&a=%s",
				address, paramsLimit, strings.Repeat("x", 120<<10))
			for err := error(nil); err == nil; {
				time.Sleep(8 * time.Second)
				_, err = io.WriteString(connection, strings.Repeat("x", 10))
			}
		}()
		response := make(chan struct{})
		go func() {
			_, _ = connection.Read(make([]byte, 1))
			close(response)
		}()
		select {
		case <-response:
			ended.Add(1)
			_ = connection.Close()
		case <-done:
			_ = connection.Close()
			return
		}
	}
}

// Invariant 4, and one client's trouble is its own: those that hold much and
// hardly send keep memory from others for no longer than they may be silent, and
// from small bodies never.
func TestInvariant4ClientsThatHardlySendAreInNoOnesWay(t *testing.T) {
	const attackers, lasting = 120, 25 * time.Second
	sink, _ := newParamsSink(t)
	address := freeAddress(t)
	start(t, gateway(address, sink))
	var ended atomic.Int64
	done := make(chan struct{})
	var attack, running sync.WaitGroup
	defer attack.Wait()
	defer close(done)
	for range attackers {
		attack.Go(func() { trickleParams(address, &ended, done) })
	}
	time.Sleep(time.Second)
	serve := func(body string, every, limit time.Duration) {
		var served, refused, slowest atomic.Int64
		var sending sync.WaitGroup
		for until := time.Now().Add(lasting); time.Now().Before(until); time.Sleep(every) {
			sending.Go(func() {
				status, text, took := sendParams(address, body, false)
				if status != "200 " {
					refused.Add(1)
					t.Logf("a body of %d bytes: response %q %q after %v", len(body), status, text, took)
				} else {
					served.Add(1)
				}
				for {
					if most := slowest.Load(); int64(took) <= most || slowest.CompareAndSwap(most, int64(took)) {
						break
					}
				}
			})
		}
		sending.Wait()
		t.Logf("of bodies of %d bytes %d were served, %d were not; the slowest took %v", len(body), served.Load(), refused.Load(), time.Duration(slowest.Load()))
		if refused.Load() > 0 || time.Duration(slowest.Load()) > limit {
			t.Error("they waited for those that hardly send")
		}
	}
	beginning := "pub_key=demopublickey&source_url=x"
	// It takes the machine little time, unless other processes are busy.
	running.Go(func() { serve(beginning, time.Second, 2*time.Second) })
	running.Go(func() { serve(beginning+strings.Repeat("x", 300_000), 2*time.Second, paramsPause+2*time.Second) })
	running.Wait()
	t.Logf("%d of the clients that hardly send were ended", ended.Load())
	if ended.Load() < attackers {
		t.Error("they kept what they had")
	}
}
