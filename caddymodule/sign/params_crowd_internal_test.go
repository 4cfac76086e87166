// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
)

// sendFor sends a client's bodies one after the other until a time.
func sendFor(t *testing.T, sign *Sign, until time.Time, newClient func() *slowClient) {
	t.Helper()
	for time.Now().Before(until) {
		client := newClient()
		client.send(t, t.Context(), sign, discarding(0))
		if !strings.Contains(client.Body.String(), "GatewayTimeoutError") {
			t.Errorf("a client that hardly sends is told %s", client.Body)
		}
	}
}

// Clients that send much at once and hardly anything afterwards are in nobody's
// way: small bodies do not wait for them, and large ones wait no longer than such
// a client may be silent.
func TestClientsThatHardlySendAreInNobodysWay(t *testing.T) {
	for name, newClient := range map[string]func() *slowClient{
		"120 KiB, then 10 bytes every 8 seconds": func() *slowClient {
			client := newSlowClient(paramsOfSize(maxParamsSize), 10, 8*time.Second)
			client.burst = 120 << 10
			return client
		},
		"a byte, then one just before each limit": func() *slowClient {
			client := newSlowClient(paramsOfSize(maxParamsSize), 1, maxParamsPause-time.Millisecond)
			client.burst = 1
			return client
		},
		"all of a first piece": func() *slowClient {
			client := newSlowClient(paramsOfSize(maxParamsSize), 1, maxParamsPause-time.Millisecond)
			client.burst = firstParamsPiece
			return client
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				freshMemory(t)
				sign, until := mustSign(t, onlyProject), time.Now().Add(time.Minute)
				var running sync.WaitGroup
				for range 120 {
					running.Go(func() { sendFor(t, sign, until, newClient) })
				}
				serve := func(size int, every, limit time.Duration) {
					for time.Now().Before(until) {
						time.Sleep(every)
						running.Go(func() {
							client, began := newSlowClient(paramsOfSize(size), 16<<10, 10*time.Millisecond), time.Now()
							client.send(t, t.Context(), sign, discarding(100*time.Millisecond))
							if took := time.Since(began); client.Body.Len() > 0 || took > limit {
								t.Errorf("a body of %d bytes: %s after %v", size, client.Body, took)
							}
						})
					}
				}
				running.Go(func() { serve(35, 100*time.Millisecond, 200*time.Millisecond) })
				running.Go(func() { serve(firstParamsPiece, 500*time.Millisecond, 200*time.Millisecond) })
				running.Go(func() { serve(300_000, 2*time.Second, maxParamsPause) })
				running.Wait()
			})
		})
	}
}

// Small bodies that stop half-way have as much time as the server gives, until
// so many do that there would be no room for others.
func TestStalledSmallBodiesAreInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freshMemory(t)
		sign := mustSign(t, onlyProject)
		const half = maxSmallBodies / 2 / (2 * firstParamsPiece)
		var clients []*slowClient
		for range 2*half + 100 {
			client := newSlowClient(paramsOfSize(firstParamsPiece), firstParamsPiece/2, 0)
			client.stall = firstParamsPiece / 2
			go client.send(t, t.Context(), sign, discarding(0))
			synctest.Wait()
			clients = append(clients, client)
		}
		honest := func() {
			t.Helper()
			client, began := newSlowClient(paramsOfSize(35), 35, 0), time.Now()
			client.send(t, t.Context(), sign, discarding(0))
			if client.Body.Len() > 0 || time.Since(began) > 0 {
				t.Errorf("a small body: %s after %v", client.Body, time.Since(began))
			}
		}
		honest()
		unknown := newSlowClient(paramsOfSize(100), 10, time.Second)
		r := paramsRequest(http.MethodPost, "/group/", urlencoded, "")
		r.Body, r.ContentLength = io.NopCloser(unknown), -1 // which may become large
		if err := sign.ServeHTTP(unknown, r, discarding(0)); err != nil || unknown.Body.Len() > 0 {
			t.Errorf("a small body of unknown length: %s, %v", unknown.Body, err)
		}
		time.Sleep(maxParamsPause)
		synctest.Wait()
		honest()
		for i, client := range clients {
			if timedOut := strings.Contains(client.Body.String(), "GatewayTimeoutError"); timedOut != (i >= half) {
				t.Fatalf("client %d: timed out: %v", i, timedOut)
			}
			_ = client.SetReadDeadline(time.Now())
		}
		synctest.Wait()
	})
}

// However a body is framed and cut up, it arrives as it was sent, and a small one
// takes no room from large ones.
func TestBodiesOfAnyFramingArriveWhole(t *testing.T) {
	sign := mustSign(t, onlyProject)
	sizes := []int{24, firstParamsPiece, firstParamsPiece + 1, firstParamsPiece + paramsPiece, firstParamsPiece + paramsPiece + 1, maxParamsSize - 1, maxParamsSize}
	for _, size := range sizes {
		for _, announced := range []bool{true, false} {
			for range 5 {
				bound := freshMemory(t)
				client := newSlowClient(paramsOfSize(size), 1+rand.IntN(min(size, 40_000)), 0)
				r := paramsRequest(http.MethodPost, "/group/", urlencoded, "")
				r.Body, r.ContentLength = io.NopCloser(client), -1
				if announced {
					r.ContentLength = int64(size)
				}
				if err := sign.ServeHTTP(client, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
					arrived, err := io.ReadAll(r.Body)
					if !strings.HasPrefix(string(arrived), client.body+"&signature=") {
						t.Errorf("%d bytes arrived of %d, announced: %v", len(arrived), size, announced)
					}
					if large, small := bound.Held(), smallBodyMemory.Held(); size <= firstParamsPiece && (large > 0 || small != size) || size > firstParamsPiece && small > 0 {
						t.Errorf("of %d bytes %d and %d are held, announced: %v", size, small, large, announced)
					}
					w.WriteHeader(http.StatusOK)
					return err
				})); err != nil || client.Body.Len() > 0 {
					t.Errorf("answer %s, %v", client.Body, err)
				}
			}
		}
	}
}

// Over HTTP/2, small bodies pass by large ones of the same connection that wait or
// stall, and streams that are cancelled hold nothing.
func TestStreamsOfOneConnectionPassByThoseThatWait(t *testing.T) {
	bound, sign := freshMemory(t), mustSign(t, onlyProject)
	ended := make(chan struct{}, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := sign.ServeHTTP(w, r, discarding(0)); err != nil {
			t.Error(err)
		}
		ended <- struct{}{}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	send := func(ctx context.Context, body io.Reader, length int64) (int, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/group/", body)
		if err != nil {
			return 0, err
		}
		r.ContentLength = length
		r.Header.Set("Content-Type", urlencoded)
		response, err := server.Client().Do(r)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return len(answer), err
	}
	var other memory.Holder
	if err := bound.Take(t.Context(), &other, bound.Size-bound.Reserve-10*paramsPiece, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	const stalled = 40 // of which the last find no room
	for i := range stalled {
		length := int64(-1)
		if i%2 == 0 {
			length = maxParamsSize
		}
		body, client := io.Pipe()
		go func() { _, _ = send(ctx, body, length) }()
		if _, err := io.WriteString(client, paramsOfSize(10_000)); err != nil {
			t.Fatal(err)
		}
	}
	for _, length := range []int64{35, -1, 35, -1} {
		began := time.Now()
		refused, err := send(t.Context(), strings.NewReader(paramsOfSize(35)), length)
		if took := time.Since(began); err != nil || refused > 0 || took > 5*time.Second {
			t.Errorf("a small body: %v after %v", err, took)
		}
	}
	cancel()
	for range stalled + 4 {
		<-ended
	}
	bound.Release(&other)
}
