// SPDX-License-Identifier: Apache-2.0

package window

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestAShutdownLetsUploadsFinish(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	open := make(chan struct{})
	server := startServer(t, &budget, gate{mebibyte, open})
	client := dial(t, server.Listener.Addr().String())
	client.request(t, 1, 8*mebibyte)
	client.upload(t, 1, 2*mebibyte)
	done := make(chan error)
	go func() { done <- server.Config.Shutdown(t.Context()) }()
	for !client.goingAway {
		if err := client.read(); err != nil {
			t.Fatal(err)
		}
	}
	close(open)
	client.upload(t, 1, 6*mebibyte)
	if got := client.response(t, 1); got != strconv.Itoa(7*mebibyte) {
		t.Errorf("got %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A reload, or the end of the process, need not wait for clients that have connections open.
func TestAShutdownClosesIdleConnections(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(reading))
	unused, used := dial(t, server.Listener.Addr().String()), dial(t, server.Listener.Addr().String())
	used.request(t, 1, 2*mebibyte)
	used.upload(t, 1, 2*mebibyte)
	if got := used.response(t, 1); got != strconv.Itoa(2*mebibyte) {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for _, client := range []*frameClient{unused, used} {
		for client.read() == nil {
		}
		if !client.goingAway {
			t.Error("a client was not told")
		}
	}
}

// endless is a body.
type endless struct{}

// Read implements [io.Reader].
func (endless) Read(p []byte) (int, error) { return len(p), nil }

// What net/http's own server gives a handler, a handler of this one has.
func TestHandlersHaveTrailers(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Y")
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%d %v %v %v %v", n, err, r.Trailer.Get("X"), r.TLS != nil, http.NewResponseController(w).EnableFullDuplex())
		w.Header().Set("Y", "of the response")
	}))
	client := server.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.LimitReader(endless{}, 3*mebibyte))
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X": {"of the request"}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if want := "3145728 <nil> of the request true <nil>"; string(body) != want || err != nil || response.ProtoMajor != 2 {
		t.Errorf("got %q, %v over %s", body, err, response.Proto)
	}
	if got := response.Trailer.Get("Y"); got != "of the response" {
		t.Errorf("the response's trailer is %q", got)
	}
}

// As Caddy's for a body that does not come.
func TestADeadlineEndsARead(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := http.NewResponseController(w).SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, set, errors.Is(err, os.ErrDeadlineExceeded))
	}))
	client := dial(t, server.Listener.Addr().String())
	client.request(t, 1, 32*mebibyte)
	client.send(t, 1, mebibyte/2)
	for !client.ended[1] && client.bodies[1] == "" {
		if err := client.read(); err != nil {
			t.Fatal(err)
		}
	}
	if got := client.bodies[1]; got != "<nil> true" && got != "<nil>true" {
		t.Errorf("got %q", got)
	}
	_ = client.Close()
	eventually(t, func() bool { return budget.Held() == 0 })
}

// Connections come by several listeners at once.
func TestSeveralListenersOfAServer(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(reading))
	addresses := []string{server.Listener.Addr().String()}
	for range 3 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, listener.Addr().String())
		go func() { _ = server.Config.Serve(tls.NewListener(listener, server.TLS)) }()
	}
	var running sync.WaitGroup
	for i := range 16 {
		running.Go(func() {
			client := dial(t, addresses[i%len(addresses)])
			client.request(t, 1, 4*mebibyte)
			client.upload(t, 1, 4*mebibyte)
			if got := client.response(t, 1); got != strconv.Itoa(4*mebibyte) {
				t.Errorf("got %q", got)
			}
		})
	}
	running.Wait()
}
