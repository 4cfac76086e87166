// SPDX-License-Identifier: Apache-2.0

package window

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// startServer starts a server as Caddy does, for whose connections the budget is.
func startServer(t *testing.T, budget *Budget, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	//nolint:staticcheck // as Caddy does
	if err := http2.ConfigureServer(server.Config, nil); err != nil {
		t.Fatal(err)
	}
	server.TLS = server.Config.TLSConfig
	// Two handlers have it, and so two functions.
	one, another := budget.ConnContext(), budget.ConnContext()
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return another(one(ctx, c), c) }
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// reading is a handler that reads bodies, and says how long they are.
func reading(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, strconv.FormatInt(n, 10))
}

// gate is a handler that reads so many bytes, and the rest when it is opened.
type gate struct {
	reads  int64
	opened chan struct{}
}

// ServeHTTP implements [http.Handler].
func (g gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := io.CopyN(io.Discard, r.Body, g.reads)
	if err == nil {
		select {
		case <-g.opened:
		case <-r.Context().Done():
			return
		}
		reading(w, r)
	} else if errors.Is(err, io.EOF) {
		_, _ = io.WriteString(w, strconv.FormatInt(n, 10))
	}
}

func TestAClientSeesGosWindowAndALargeOneAsItUploads(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(reading))
	for range 2 { // the second connection as the first
		client := dial(t, server.Listener.Addr().String())
		if got := client.window; got != least {
			t.Errorf("the connection has %d, want %d", got, least)
		}
		if got := client.settings[http2.SettingInitialWindowSize]; got != 41*mebibyte {
			t.Errorf("a stream has %d", got)
		}
		client.request(t, 1, 64*mebibyte)
		most := client.upload(t, 1, 64*mebibyte)
		if most <= 4*mebibyte || most > least+40*mebibyte {
			t.Errorf("the largest window was %d", most)
		}
		if got := client.response(t, 1); got != "67108864" {
			t.Errorf("got %q", got)
		}
		// The server says nothing of less than 4 KiB.
		if got := client.window; got > least || got <= Default {
			t.Errorf("after the upload the connection has %d", got)
		}
		if got := budget.Held(); got != 0 {
			t.Errorf("%d of the budget are held", got)
		}
	}
}

// 60 ms of what comes over loopback.
func TestAClientNearbyHasAFewMegabytes(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(reading))
	client := dial(t, server.Listener.Addr().String())
	client.silent = false
	if err := client.framer.WritePing(true, [8]byte{}); err != nil { // the request for it was read by dial
		t.Fatal(err)
	}
	client.request(t, 1, 64*mebibyte)
	// On a busy machine, the round trip is longer than it might be.
	if most := client.upload(t, 1, 64*mebibyte); most > 16*mebibyte {
		t.Errorf("the largest window was %d", most)
	}
}

func TestAClientFarAwayNeedNotWaitForAFirstUpdate(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(reading))
	client := dial(t, server.Listener.Addr().String())
	time.Sleep(far) // the round trip; the request for it was read by dial
	if err := client.framer.WritePing(true, [8]byte{}); err != nil {
		t.Fatal(err)
	}
	for stream := uint32(1); stream < 5; stream += 2 {
		client.request(t, stream, 20<<10)
		client.send(t, stream, 20<<10)
		if got := client.response(t, stream); got != "20480" {
			t.Errorf("got %q", got)
		}
	}
	if most := least + 20*mebibyte; client.window > most || client.window < most-20<<10 {
		t.Errorf("the window is %d, want %d", client.window, most)
	}
	client.request(t, 5, 16*mebibyte)
	client.send(t, 5, 16*mebibyte) // with no update
	if got := client.response(t, 5); got != strconv.Itoa(16*mebibyte) {
		t.Errorf("got %q", got)
	}
	_ = client.Close()
	eventually(t, func() bool { return budget.Held() == 0 })
}

func TestAServerWithWindowsOfItsOwnIsLeftAlone(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(reading))
	//nolint:staticcheck // as Caddy does
	if err := http2.ConfigureServer(server.Config, nil); err != nil {
		t.Fatal(err)
	}
	server.TLS = server.Config.TLSConfig
	server.Config.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerConnection: 3 * mebibyte, MaxReceiveBufferPerStream: 2 * mebibyte}
	var budget Budget
	budget.Allow(50 * mebibyte)
	server.Config.ConnContext = budget.ConnContext()
	server.StartTLS()
	defer server.Close()
	client := dial(t, server.Listener.Addr().String())
	if client.window != 3*mebibyte || client.settings[http2.SettingInitialWindowSize] != 2*mebibyte {
		t.Errorf("got %d and %v", client.window, client.settings)
	}
}

// All clients fill their windows, and the server reads no further.
func TestInvariant4ClientsThatStallHoldNoMoreThanTheBudget(t *testing.T) {
	const limit, clients = 12 * mebibyte, 8
	var budget Budget
	budget.Allow(limit)
	open := make(chan struct{})
	server := startServer(t, &budget, gate{4 * mebibyte, open})
	sent := make([]int, clients)
	var stalled, running sync.WaitGroup
	for i := range clients {
		stalled.Add(1)
		running.Go(func() {
			client := dial(t, server.Listener.Addr().String())
			client.request(t, 1, 32*mebibyte)
			sent[i] = client.fill(t, 1, 32*mebibyte)
			stalled.Done()
			<-open
			client.upload(t, 1, 32*mebibyte-sent[i])
			if got := client.response(t, 1); got != strconv.Itoa(28*mebibyte) { // behind what was read first
				t.Errorf("got %q", got)
			}
		})
	}
	stalled.Wait()
	total := 0
	for i := range sent {
		total += sent[i] - 4*mebibyte
	}
	// What has been read makes itself felt in updates of 4 KiB and more.
	if most := limit + clients*least; total > most || total <= clients*Default {
		t.Errorf("%d bytes were sent that nobody has read, want %d at most", total, most)
	}
	if got := budget.Held(); got > limit || got == 0 {
		t.Errorf("%d of the budget are held", got)
	}
	close(open)
	running.Wait()
	if got := budget.Held(); got != 0 {
		t.Errorf("afterwards %d of the budget are held", got)
	}
}

func TestAClientThatExceedsItsWindowGetsAGoAway(t *testing.T) {
	var budget Budget
	budget.Allow(10 * mebibyte)
	server := startServer(t, &budget, gate{2 * mebibyte, make(chan struct{})})
	client := dial(t, server.Listener.Addr().String())
	client.request(t, 1, 64*mebibyte)
	client.fill(t, 1, 64*mebibyte)
	if budget.Held() == 0 {
		t.Error("nothing of the budget is held")
	}
	for range Default/len(client.piece) + 64 { // all of which the server itself would take
		if client.framer.WriteData(1, false, client.piece) != nil {
			break
		}
	}
	for range 100 { // there are frames that came before
		if client.read() != nil {
			if client.goAway != http2.ErrCodeFlowControl {
				t.Errorf("GOAWAY with %s", client.goAway)
			}
			eventually(t, func() bool { return budget.Held() == 0 })
			return
		}
	}
	t.Error("the connection is still there")
}

// An upload that is not read leaves others less than the server would speak of.
func TestAnUploadBesideOneThatIsNotReadNeedNotWait(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 2*Default {
			<-r.Context().Done()
			return
		}
		reading(w, r)
	}))
	client := dial(t, server.Listener.Addr().String())
	client.request(t, 1, 2*Default)
	client.send(t, 1, Default-3000) // Go's server would leave 3000, and give back each of them
	client.request(t, 3, mebibyte)
	client.send(t, 3, mebibyte)
	if got := client.response(t, 3); got != strconv.Itoa(mebibyte) {
		t.Errorf("got %q", got)
	}
}

// Uploads begin, and are reset, over and over.
func TestAFloodOfResetsHoldsNothingForLong(t *testing.T) {
	var budget Budget
	budget.Allow(50 * mebibyte)
	server := startServer(t, &budget, http.HandlerFunc(reading))
	client := dial(t, server.Listener.Addr().String())
	stream := uint32(1)
	for range 300 {
		client.request(t, stream, 1<<30)
		client.send(t, stream, 64<<10)
		if err := client.framer.WriteRSTStream(stream, http2.ErrCodeCancel); err != nil {
			t.Fatal(err)
		}
		stream += 2
	}
	// The connection is as good as before, whatever the client has been granted meanwhile.
	client.request(t, stream, 8*mebibyte)
	client.upload(t, stream, 8*mebibyte)
	if got := client.response(t, stream); got != strconv.Itoa(8*mebibyte) {
		t.Errorf("got %q", got)
	}
	if got := budget.Held(); got > 40*mebibyte {
		t.Errorf("%d of the budget are held", got)
	}
	_ = client.Close()
	eventually(t, func() bool { return budget.Held() == 0 })
}

// eventually waits until condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("gave up waiting")
		}
	}
}
