// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// freshMemory gives a test a memory of its own, and checks that nothing of it is
// held in the end.
func freshMemory(t *testing.T) *memory.Bound {
	t.Helper()
	before, smallBefore := bodyMemory, smallBodyMemory
	bodyMemory, smallBodyMemory = newBodyMemory(), newSmallBodyMemory()
	t.Cleanup(func() {
		if held, small := bodyMemory.Held(), smallBodyMemory.Held(); held != 0 || small != 0 {
			t.Errorf("%d and %d bytes are still held", held, small)
		}
		bodyMemory, smallBodyMemory = before, smallBefore
	})
	return bodyMemory
}

// slowClient sends a body with pauses over a connection that has deadlines, and
// takes the response.
type slowClient struct {
	*httptest.ResponseRecorder
	body  string
	burst int           // what comes at once, in the beginning
	piece int           // what comes at a time
	pause time.Duration // before each
	stall int           // when it sends no more, or 0
	sent  int

	mu       sync.Mutex
	deadline time.Time
	moved    chan struct{} // closed when the deadline is another
}

func newSlowClient(body string, piece int, pause time.Duration) *slowClient {
	return &slowClient{ResponseRecorder: httptest.NewRecorder(), body: body, piece: piece, pause: pause, moved: make(chan struct{})}
}

func (c *slowClient) EnableFullDuplex() error { return nil }

func (c *slowClient) SetReadDeadline(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = deadline
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

func (c *slowClient) Read(p []byte) (int, error) {
	if c.sent == len(c.body) {
		return 0, io.EOF
	}
	if pause := c.nextPause(); pause > 0 && !c.passes(time.Now().Add(pause)) {
		return 0, os.ErrDeadlineExceeded
	}
	n := c.piece - c.sent%c.piece
	if c.sent < c.burst {
		n = c.burst - c.sent
	}
	n = copy(p[:min(len(p), n)], c.body[c.sent:])
	c.sent += n
	return n, nil
}

func (c *slowClient) nextPause() time.Duration {
	switch {
	case c.stall > 0 && c.sent >= c.stall:
		return 24 * time.Hour
	case c.sent >= c.burst && c.sent%c.piece == 0:
		return c.pause
	}
	return 0
}

// passes waits until a time, and reports whether no deadline was before it.
func (c *slowClient) passes(until time.Time) bool {
	for {
		c.mu.Lock()
		next, moved := until, c.moved
		if !c.deadline.IsZero() && c.deadline.Before(until) {
			next = c.deadline
		}
		c.mu.Unlock()
		select {
		case <-time.After(time.Until(next)):
			return next.Equal(until)
		case <-moved:
		}
	}
}

// send sends the body to the handler, and returns when there is a response.
func (c *slowClient) send(t *testing.T, ctx context.Context, sign *Sign, next caddyhttp.HandlerFunc) {
	t.Helper()
	r := paramsRequest(http.MethodPost, "/group/?jsonerrors=1", urlencoded, "").WithContext(ctx)
	r.Body, r.ContentLength = io.NopCloser(c), int64(len(c.body))
	if err := sign.ServeHTTP(c, r, next); err != nil {
		t.Errorf("ServeHTTP: %v", err)
	}
}

// paramsOfSize returns a urlencoded body of so many bytes.
func paramsOfSize(size int) string {
	const beginning = "pub_key=demopublickey&a="
	return beginning + strings.Repeat("x", size-len(beginning))
}

// discarding is a next handler that takes a while and keeps nothing.
func discarding(pause time.Duration) caddyhttp.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		time.Sleep(pause)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
}

// A body is held once while it is on its way, and twice for a moment.
func TestNoMoreThanTwiceAUrlencodedBodyIsHeld(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for name, size := range map[string]int{"small": 1000, "at the limit": maxParamsSize} {
		for _, stale := range []string{"", "&signature=old"} {
			bound, body, most := freshMemory(t), paramsOfSize(size-len(stale))+stale, 0
			held := func() int { return bound.Held() + smallBodyMemory.Held() }
			send := func() {
				client := newSlowClient(body, size, 0)
				r := paramsRequest(http.MethodPost, "/group/", urlencoded, "")
				r.ContentLength = int64(size)
				r.Body = io.NopCloser(readerFunc(func(p []byte) (int, error) {
					most = max(most, held())
					return client.Read(p)
				}))
				if err := sign.ServeHTTP(client, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
					if held() != size {
						t.Errorf("%s: %d bytes are held while it is on its way", name, held())
					}
					return discarding(0)(w, r)
				})); err != nil || client.Code != http.StatusOK {
					t.Errorf("%s: response %d %q, %v", name, client.Code, client.Body, err)
				}
			}
			send() // for what is made once
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			send()
			runtime.ReadMemStats(&after)
			limit := 2*size + 128<<10
			if stale != "" { // the body without it, after which the other is none that is held
				limit += size
			}
			if allocated := int(after.TotalAlloc - before.TotalAlloc); allocated > limit {
				t.Errorf("%s%s: %d bytes were allocated for %d", name, stale, allocated, size)
			}
			if most > size+paramsPiece {
				t.Errorf("%s: %d bytes are held while %d come", name, most, size)
			}
		}
	}
}

// What counts is what has come: who announces much and sends little takes no
// room from others.
func TestMemoryIsTakenAsBytesComeNotAsTheyAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bound, sign := freshMemory(t), mustSign(t, onlyProject)
		for _, test := range []struct{ came, want int }{{0, 0}, {1, firstParamsPiece}, {firstParamsPiece, firstParamsPiece}, {firstParamsPiece + 1, firstParamsPiece + paramsPiece}} {
			client := newSlowClient(paramsOfSize(maxParamsSize), max(test.came, 1), 0)
			if client.stall = test.came; client.stall == 0 {
				client.pause = 24 * time.Hour
			}
			go client.send(t, t.Context(), sign, discarding(0))
			synctest.Wait()
			if held := bound.Held(); held != test.want {
				t.Errorf("%d bytes are held for %d", held, test.came)
			}
			_ = client.SetReadDeadline(time.Now()) // as the server does in the end
			synctest.Wait()
			if client.Code != http.StatusOK || !strings.Contains(client.Body.String(), "GatewayTimeoutError") {
				t.Errorf("response %d %s", client.Code, client.Body)
			}
		}
	})
}

// A burst of three hundred at the limit waits for room, and none is refused; a
// quarter of them that stall at any point get 408, and the others wait no longer
// than the time limit for them.
func TestABurstOfLargeBodiesIsServedWithinTheBound(t *testing.T) {
	for name, test := range map[string]struct {
		stalls bool
		limit  time.Duration
	}{
		"all send":           {false, 16 * time.Second},
		"a quarter of stall": {true, 16*time.Second + maxParamsPause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const clients = 300
				bound, sign := freshMemory(t), mustSign(t, onlyProject)
				next := func(w http.ResponseWriter, r *http.Request) error {
					if held := bound.Held() + smallBodyMemory.Held(); held > maxHeldBodies {
						t.Errorf("%d bytes are held", held)
					}
					return discarding(time.Second)(w, r)
				}
				var running sync.WaitGroup
				body := paramsOfSize(maxParamsSize)
				for i := range clients { // 1.6 MB/s each
					client, began := newSlowClient(body, 16<<10, 10*time.Millisecond), time.Now()
					stalls := test.stalls && i%4 == 0
					if stalls {
						client.stall = 5000 + i*maxParamsSize/(clients+20)
					}
					running.Go(func() {
						client.send(t, t.Context(), sign, next)
						took := time.Since(began)
						timedOut := strings.Contains(client.Body.String(), "GatewayTimeoutError")
						if timedOut != stalls || !stalls && (client.Body.Len() > 0 || took > test.limit) {
							t.Errorf("client %d: %s after %v", i, client.Body, took)
						}
					})
				}
				running.Wait()
			})
		})
	}
}

// A client that has waited for so long is asked to retry, in its own dialect.
func TestAClientWithoutMemoryIsAskedToRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bound, sign := freshMemory(t), mustSign(t, onlyProject)
		bound.Reserve, bound.Size = 0, 100_000
		client, began := newSlowClient(paramsOfSize(200_000), 1000, 0), time.Now()
		client.send(t, t.Context(), sign, discarding(0))
		if waited := time.Since(began); waited != maxParamsWait {
			t.Errorf("it waited %v", waited)
		}
		if body := client.Body.String(); client.Code != http.StatusOK || !strings.Contains(body, `"status_code":503`) || !strings.Contains(body, "GatewayMemoryError") {
			t.Errorf("response %d %s", client.Code, body)
		}
		if header := client.Header(); header.Get("Retry-After") != "5" || !strings.Contains(header.Get("Access-Control-Expose-Headers"), "Retry-After") {
			t.Errorf("header %v", header)
		}
	})
}

// While it waits for memory, a client's own time does not run, and it may leave.
func TestAWaitForMemoryIsNotTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bound, sign := freshMemory(t), mustSign(t, onlyProject)
		bound.Reserve = 0
		var other memory.Holder
		const size = 200_000
		if err := bound.Take(t.Context(), &other, bound.Size-2*size-2*paramsPiece, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		leaves := newSlowClient(paramsOfSize(maxParamsSize), 1000, 0)
		go leaves.send(t, ctx, sign, discarding(0))
		synctest.Wait()
		if !leaves.deadline.IsZero() {
			t.Error("a deadline runs while it waits")
		}
		time.Sleep(2 * maxParamsPause)
		cancel()
		synctest.Wait()
		if leaves.Code != statusClientClosedRequest {
			t.Errorf("response %d", leaves.Code)
		}
		stays := newSlowClient(paramsOfSize(size), 1000, 0)
		stays.send(t, t.Context(), sign, discarding(0))
		if stays.Code != http.StatusOK || stays.Body.Len() > 0 {
			t.Errorf("response %d %s", stays.Code, stays.Body)
		}
		bound.Release(&other)
	})
}

// A client may be slow, but not for ever, and what it has sent before counts for
// no longer than the rest of it. Small bodies are in no one's way.
func TestASlowClientKeepsItsShareAsLongAsItSendsSomething(t *testing.T) {
	const late = "GatewayTimeoutError"
	tests := map[string]struct {
		size, burst, piece int
		pause              time.Duration
		want               string
	}{
		"at the smallest rate":            {maxParamsSize, 0, minParamsRate, time.Second, ""},
		"below it":                        {maxParamsSize, 0, minParamsRate / 2, time.Second, late},
		"with pauses":                     {100 << 10, 0, 40 << 10, maxParamsPause - time.Second, ""},
		"with a pause that is too long":   {100 << 10, 0, 40 << 10, maxParamsPause + time.Second, late},
		"a pause in a small body":         {firstParamsPiece, 0, 100, 50 * time.Second, ""},
		"nearly silent after a burst":     {maxParamsSize, 120 << 10, 10, 8 * time.Second, late},
		"just not silent after a burst":   {maxParamsSize, 120 << 10, 1, maxParamsPause - time.Millisecond, late},
		"just not silent from the start":  {firstParamsPiece + 1, 0, 1, maxParamsPause - time.Millisecond, late},
		"silent behind the first piece":   {firstParamsPiece + 1, firstParamsPiece, 1, maxParamsPause + 1, late},
		"just not silent behind it":       {firstParamsPiece + 1, firstParamsPiece, 1, maxParamsPause, ""},
		"silent behind the second piece":  {firstParamsPiece + paramsPiece + 1, firstParamsPiece + paramsPiece, 1, maxParamsPause + 1, late},
		"at the smallest rate from there": {maxParamsSize, firstParamsPiece + paramsPiece, minParamsRate, time.Second, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				freshMemory(t)
				client, began := newSlowClient(paramsOfSize(test.size), test.piece, test.pause), time.Now()
				client.burst = test.burst
				client.send(t, t.Context(), mustSign(t, onlyProject), discarding(0))
				if test.burst == 0 { // nothing is held before the first byte
					began = began.Add(test.pause)
				}
				if took := time.Since(began); test.want != "" && took > maxParamsPause {
					t.Errorf("its share was its own for %v", took)
				}
				if body := client.Body.String(); test.want == "" && body != "" || !strings.Contains(body, test.want) {
					t.Errorf("after %d bytes: %s", client.sent, body)
				}
				if !client.deadline.IsZero() && test.want == "" {
					t.Error("a deadline is left on the connection")
				}
			})
		})
	}
}

// However a request ends, what it held is free afterwards.
func TestNothingIsHeldOfARequestThatIsOver(t *testing.T) {
	form := formOf(demoKey, file("file", "cat.jpg", "meow"))
	ends := map[string]caddyhttp.HandlerFunc{
		"a response":        discarding(0),
		"no one reads":      func(http.ResponseWriter, *http.Request) error { return nil },
		"the upstream ends": func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(http.StatusBadGateway, io.EOF) },
		"the proxy panics": func(_ http.ResponseWriter, r *http.Request) error {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		},
	}
	requests := map[string]func() *http.Request{
		"a form":     func() *http.Request { return uploadRequest(form) },
		"no end":     func() *http.Request { return uploadRequest(form[:len(form)-10]) },
		"urlencoded": func() *http.Request { return paramsRequest("POST", "/group/", urlencoded, paramsOfSize(40_000)) },
		"no project": func() *http.Request { return paramsRequest("POST", "/group/", urlencoded, strings.Repeat("x", 40_000)) },
		"too large": func() *http.Request {
			r := paramsRequest("POST", "/group/", urlencoded, paramsOfSize(maxParamsSize+1))
			r.ContentLength = -1
			return r
		},
		"no form": func() *http.Request {
			return paramsRequest("POST", "/from_url/?pub_key=demopublickey", "text/plain", strings.Repeat("x", 40_000))
		},
	}
	sign := mustSign(t, onlyProject)
	for request, newRequest := range requests {
		for end, next := range ends {
			t.Run(request+"/"+end, func(t *testing.T) {
				freshMemory(t)
				defer func() { _ = recover() }()
				_ = sign.ServeHTTP(httptest.NewRecorder(), newRequest(), next)
			})
		}
	}
}

// A body that finds no room streams on, and is not sent again.
func TestABodyThatFindsNoRoomIsNotKept(t *testing.T) {
	for name, full := range map[string]bool{"room": false, "none": true} {
		t.Run(name, func(t *testing.T) {
			bound := freshMemory(t)
			sign := mustSign(t, fixture.Project(`{"module":"secret_key","keys":["canary-1","canary-2"]}`))
			var other memory.Holder
			if full && !bound.TryTake(&other, bound.Optional) {
				t.Fatal("there is no room")
			}
			attempts, client := 0, httptest.NewRecorder()
			err := sign.ServeHTTP(client, uploadRequest(formOf(demoKey, file("file", "cat.jpg", "meow"))), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, r.Body)
				if attempts++; attempts == 1 {
					uploadapi.ErrSignatureInvalid.Write(w, r)
				}
				return err
			}))
			want := 2
			if full {
				want = 1
			}
			if rejected := client.Body.String() == "Invalid signature."; err != nil || attempts != want || rejected != full {
				t.Errorf("the client gets %q after %d attempts, %v", client.Body, attempts, err)
			}
			bound.Release(&other)
		})
	}
}
