// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Invariant 4: what is kept of a body has a fixed bound, and nothing is kept
// before it comes, nor of a stream.
func TestInvariant4WhatIsKeptIsBounded(t *testing.T) {
	for length, want := range map[int64]int{-1: 0, 0: 0, 1: 4 << 10, 4 << 10: 4 << 10, 4<<10 + 1: 8 << 10, 20 << 10: 32 << 10, maxKeptSize: maxKeptSize, maxKeptSize + 1: 0, 1 << 40: 0} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			body := bytes.Repeat([]byte("x"), int(min(max(length, 1), 2*maxKeptSize)))
			incoming := &incomingBody{source: bytes.NewReader(body)}
			if incoming.keep(length); incoming.kept.buffer != nil {
				t.Error("a buffer is taken for what has not come")
			}
			if _, err := io.Copy(io.Discard, incoming); err != nil {
				t.Fatal(err)
			}
			held := 0
			if incoming.kept.buffer != nil {
				held = cap(*incoming.kept.buffer)
			}
			if held != want {
				t.Errorf("%d bytes are held, want %d", held, want)
			}
			whole, ok := incoming.all()
			if ok != (want > 0) || ok && !bytes.Equal(whole, body) {
				t.Errorf("%d bytes were kept, %v", len(whole), ok)
			}
		})
	}
}

// What counts of a body that is kept is what has come, not what was announced.
func TestMemoryOfKeptBodiesIsTakenAsBytesCome(t *testing.T) {
	bound := freshMemory(t)
	body := strings.Repeat("0123456789abcdef", maxKeptSize/16)
	incoming := &incomingBody{source: strings.NewReader(body)}
	incoming.keep(maxKeptSize)
	came := 0
	for _, test := range []struct{ n, held int }{{1, 4 << 10}, {1023, 4 << 10}, {3 << 10, 4 << 10}, {1, 32 << 10}, {28<<10 - 1, 32 << 10}, {1, 64 << 10}, {32<<10 - 1, 64 << 10}} {
		if _, err := io.ReadFull(incoming, make([]byte, test.n)); err != nil {
			t.Fatal(err)
		}
		if came += test.n; bound.Held() != test.held || cap(*incoming.kept.buffer) != test.held {
			t.Errorf("%d bytes are held, %d taken, of %d, want %d", cap(*incoming.kept.buffer), bound.Held(), came, test.held)
		}
	}
	if whole, ok := incoming.all(); !ok || string(whole) != body {
		t.Errorf("%d bytes were kept, %v", len(whole), ok)
	}
	incoming.recycle()
}

// A body that does not come whole, or is longer than was announced, is not one
// to be sent again.
func TestABodyThatIsNotWholeIsNotKept(t *testing.T) {
	for announced, came := range map[int64]int{100: 99, 99: 100} {
		incoming := &incomingBody{source: strings.NewReader(strings.Repeat("x", came))}
		incoming.keep(announced)
		_, _ = io.Copy(io.Discard, incoming)
		if _, ok := incoming.all(); ok {
			t.Errorf("%d of %d bytes count as the body", came, announced)
		}
	}
}

// The proxy may still be waiting for the client's next bytes when the request is
// over. What it adds them to is not used for another request.
func TestABufferIsNotUsedAgainWhileAReaderIsInside(t *testing.T) {
	source, client := io.Pipe()
	inside := make(chan struct{}, 10)
	incoming := &incomingBody{source: readerFunc(func(p []byte) (int, error) {
		inside <- struct{}{}
		return source.Read(p)
	})}
	incoming.keep(6)
	reads := make(chan string)
	go func() {
		for {
			p := make([]byte, 3)
			n, err := incoming.Read(p)
			if err != nil {
				close(reads)
				return
			}
			reads <- string(p[:n])
		}
	}()
	write := func(text string) {
		t.Helper()
		if _, err := io.WriteString(client, text); err != nil {
			t.Fatal(err)
		}
		if got := <-reads; got != text {
			t.Errorf("read %q", got)
		}
	}
	write("abc")
	for range 2 { // until the reader waits inside once more
		<-inside
	}
	incoming.recycle()
	buffer := incoming.kept.buffer // which nobody writes while the reader waits
	if buffer == nil {
		t.Fatal("it was given back")
	}
	write("def")
	_ = client.Close()
	<-reads
	if got := string(*buffer); got != "abcdef" {
		t.Errorf("the reader added to something else: %q", got)
	}
	incoming.recycle()
	if incoming.kept.buffer != nil {
		t.Error("it was not given back when nobody was inside")
	}
	incoming.kept.add([]byte("ghi")) // as a late reader would
	if incoming.kept.buffer != nil || len(*buffer) != 0 {
		t.Error("a late reader writes into what was given back")
	}
}

// Invariant 1 holds for uploads that share the buffers, whether they are
// accepted, rejected or answered before they have come.
func TestInvariant1UploadsThatAreSentAgainAreNotMixedUp(t *testing.T) {
	sign := mustSign(t, withKeys(source.SchemeToken, goodSecret))
	observeAll(sign)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var rejected bool
		err := sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if !rejected && r.Header.Get("X-Reject") == "early" {
				rejected = true
				go func() { _, _ = r.Body.Read(make([]byte, 100)) }() // as the proxy may go on to
				uploadapi.ErrAccessTokenExpired.Write(w, r)
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if !rejected && r.Header.Get("X-Reject") == "late" {
				rejected = true
				uploadapi.ErrAccessTokenExpired.Write(w, r)
				return nil
			}
			_, err = w.Write(body)
			return err
		}))
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	var uploads sync.WaitGroup
	for i := range 16 {
		uploads.Go(func() {
			for j := range 30 {
				form := formOf(demoKey, file("file", "cat.jpg", strings.Repeat(fmt.Sprintf("%d/%d\r\n", i, j), 1+rand.IntN(6000))))
				request, err := http.NewRequest(http.MethodPost, server.URL+"/base/", strings.NewReader(form))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
				request.Header.Set("X-Reject", []string{"", "early", "late"}[j%3])
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				arrived, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if rejected := response.StatusCode == http.StatusUnauthorized; rejected && len(form) <= maxKeptSize || !rejected && string(arrived) != form {
					t.Errorf("answer %d, %d of %d bytes, %v", response.StatusCode, len(arrived), len(form), err)
				}
			}
		})
	}
	uploads.Wait()
}

// A credential in the header may be rejected before the body has come: then the
// rest is waited for.
func TestAnEarlyRejectionIsRepeatedWithTheWholeBody(t *testing.T) {
	sign := mustSign(t, withKeys(source.SchemeToken, otherSecret, goodSecret))
	observeAll(sign)
	form := formOfSize(t, 20<<10)
	var arrived string
	attempts := 0
	w := httptest.NewRecorder()
	err := sign.ServeHTTP(w, uploadRequest(form), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		attempts++
		begin := make([]byte, 1000)
		if _, err := io.ReadFull(r.Body, begin); err != nil {
			t.Error(err)
		}
		if _, err := token.VerifyAccessToken(goodSecret, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), time.Now()); err != nil {
			uploadapi.AccessTokenInvalid(err.Error()).Write(w, r)
			return nil
		}
		rest, err := io.ReadAll(r.Body)
		arrived = string(begin) + string(rest)
		w.WriteHeader(http.StatusOK)
		return err
	}))
	if err != nil || w.Code != http.StatusOK || attempts != 2 || arrived != form {
		t.Errorf("answer %d after %d attempts, %d bytes, %v", w.Code, attempts, len(arrived), err)
	}
}
