// SPDX-License-Identifier: Apache-2.0

package shortcut_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy/shortcut"
)

// A response of unknown length is passed on as it comes, whether the upload is complete
// or not.
func TestShortcutDoesNotHoldAResponseBack(t *testing.T) {
	t.Parallel()
	for name, upload := range map[string]string{
		"to a whole upload": uploadHead(),
		"that is early": uploadOf("POST /base/ HTTP/1.1", "Content-Length: 10000000\r\n", strings.TrimSuffix(
			formOf(strings.Repeat("x", 100<<10)), "\r\n--"+boundary+"--\r\n")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ContentLength < 1000 {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				w.Header().Set("Connection", "close") // and no chunks
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, "it goes on, ")
				_ = http.NewResponseController(w).Flush()
				<-done
			}))
			defer upstream.Close()
			defer close(done)
			short := startProxied(t, fmt.Sprintf(bareProxy, upstream.Listener.Addr()))
			connection, err := net.Dial("tcp", short.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			_, _ = io.WriteString(connection, upload)
			_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
			response, err := http.ReadResponse(bufio.NewReader(connection), nil) //nolint:bodyclose // its rest is not waited for
			if err != nil {
				t.Fatal(err)
			}
			beginning := make([]byte, len("it goes on, "))
			if _, err := io.ReadFull(response.Body, beginning); err != nil || response.StatusCode != http.StatusTeapot || !short.took() {
				t.Errorf("got %s, %q, %v", response.Status, beginning, err)
			}
		})
	}
}

// onHead does something when the head of a response is written.
type onHead struct {
	http.ResponseWriter
	do func(status int)
}

func (o onHead) WriteHeader(status int) { o.do(status) }

// Invariant 5: the Date of a response is compared with the time at which its head came,
// however long its body takes.
func TestInvariant5ShortcutPassesTheHeadOnBeforeTheBody(t *testing.T) {
	t.Parallel()
	known := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "2")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-known:
			_, _ = io.WriteString(w, "{}")
		case <-time.After(30 * time.Second):
		}
	}))
	defer upstream.Close()
	gateway := newGateway(t, staticProject, fmt.Sprintf(bareProxy, upstream.Listener.Addr()))
	w := httptest.NewRecorder()
	r, _ := preparedUpload(w)
	err := gateway.ServeHTTP(onHead{w, func(int) { close(known) }}, r)
	if err != nil || w.Body.String() != "{}" {
		t.Errorf("got %q, %v", w.Body, err)
	}
}

// A handler that passes an interim response on may read placeholders while the client
// leaves. Go's client does so in a goroutine of its own.
func TestShortcutIsLookedAtWhileAnInterimResponsePasses(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusEarlyHints)
		<-r.Context().Done()
	}))
	defer upstream.Close()
	gateway := newGateway(t, staticProject, strings.Replace(fmt.Sprintf(bareProxy, upstream.Listener.Addr()), `"upstream_host":true`, `"upstream_host":true,"keep_alive":{"enabled":false}`, 1))
	w := httptest.NewRecorder()
	r, replacer := preparedUpload(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var passed []int
	_ = gateway.ServeHTTP(onHead{w, func(status int) {
		if passed = append(passed, status); status == http.StatusEarlyHints {
			cancel()
			time.Sleep(100 * time.Millisecond)
			if latency, known := replacer.Get("http.reverse_proxy.upstream.latency"); known {
				t.Errorf("the latency is %v already", latency)
			}
		}
	}}, r.WithContext(ctx))
	if len(passed) != 2 || passed[1] != handover.StatusClientClosedRequest {
		t.Errorf("passed on %v", passed)
	}
}

// A writer that panics is the end of a response, too.
func TestShortcutEndsWithAPanic(t *testing.T) {
	t.Parallel()
	upstream := startRawUpstream(t, usualResponse)
	gateway := newGateway(t, staticProject, fmt.Sprintf(bareProxy, upstream.address))
	w := httptest.NewRecorder()
	r, replacer := preparedUpload(w)
	defer func() {
		_, ended := replacer.Get("http.reverse_proxy.duration")
		if _, retries := replacer.Get("http.reverse_proxy.retries"); recover() != "at the head" || !ended || retries {
			t.Errorf("ended %v, whole %v", ended, retries)
		}
	}()
	_ = gateway.ServeHTTP(onHead{w, func(int) { panic("at the head") }}, r)
}

// An upload that is retried takes the shortcut again, and placeholders show the retry.
func TestShortcutIsTakenAgain(t *testing.T) {
	t.Parallel()
	var arrived int
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived++
		w.Header().Set("X-Response-"+strconv.Itoa(arrived), "true")
		if token.Sign("good", r.FormValue("expire")) != r.FormValue("signature") {
			uploadapi.ErrSignatureInvalid.Write(w, r)
		}
	}))
	defer upstream.Close()
	start := func(config, bad string) *proxied {
		sign := `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["` + bad + `","good"]}}]}`
		return startProxiedBy(t, sign, fmt.Sprintf(config, upstream.Listener.Addr()))
	}
	short, whole := start(bareProxy, "bad"), start(wholeProxy, "worse")
	for _, p := range []*proxied{short, whole} {
		arrived = 0
		got := p.exchange(t, uploadHead())
		p.Close()
		if !strings.HasPrefix(got, "200 OK") || arrived != 2 {
			t.Errorf("%d arrived, got\n%s", arrived, got)
		}
	}
	if logged := short.logged.FilterMessage("upstream roundtrip").Len(); logged != 2 {
		t.Errorf("it was taken %d times", logged)
	}
	comparePlaceholders(t, short, whole)
}

// A switch of protocols that was not requested would lose the upload.
func TestShortcutTakesNoOtherProtocol(t *testing.T) {
	t.Parallel()
	upstream := startRawUpstream(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if got := startProxied(t, fmt.Sprintf(bareProxy, upstream.address)).exchange(t, uploadHead()); !strings.HasPrefix(got, "502 Bad Gateway") {
		t.Errorf("got %s", got)
	}
}

// failingWriter is a client that is gone.
type failingWriter struct{ http.ResponseWriter }

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestShortcutAbortsAResponseThatDoesNotReachTheClient(t *testing.T) {
	t.Parallel()
	upstream := startRawUpstream(t, usualResponse)
	gateway := newGateway(t, staticProject, fmt.Sprintf(bareProxy, upstream.address))
	core, logged := observer.New(zap.InfoLevel)
	shortcut.SetLogger(gateway.proxy, zap.New(core))
	w := httptest.NewRecorder()
	r, _ := preparedUpload(w)
	defer func() {
		if recovered := recover(); recovered != http.ErrAbortHandler { //nolint:errorlint // what is recovered is no error yet
			t.Errorf("got %v", recovered)
		}
		if logged.FilterMessage("aborting with incomplete response").Len() != 1 {
			t.Errorf("logged %v", logged.All())
		}
	}()
	_ = gateway.ServeHTTP(failingWriter{w}, r)
}

// The lines at debug level have the same fields as the proxy's, and no secret.
func TestInvariant8ShortcutLogsNoSecret(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.Header.Get("Authorization")
		w.Header().Set("Set-Cookie", "canary")
	}))
	defer upstream.Close()
	address := upstream.Listener.Addr().String()
	short := startProxiedBy(t, `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"secret_key","keys":["canary"]}}]}`, fmt.Sprintf(bareProxy, address))
	short.exchange(t, uploadHead("X-A: b\r\n", "Cookie: canary\r\n"))
	short.Close()
	entries := short.logged.All()
	if len(entries) != 2 || entries[0].Message != "selected upstream" || entries[1].Message != "upstream roundtrip" {
		t.Fatalf("got %v", entries)
	}
	if fields := entries[0].ContextMap(); fields["dial"] != address || fields["total_upstreams"] != int64(1) {
		t.Errorf("got %v", fields)
	}
	fields := entries[1].ContextMap()
	if fields["upstream"] != address || fields["status"] != int64(200) || fields["duration"] == nil {
		t.Errorf("got %v", fields)
	}
	text, credential := fmt.Sprint(fields), strings.TrimPrefix(<-arrived, "Bearer ")
	if credential == "" || strings.Contains(text, credential) || strings.Contains(text, "canary") {
		t.Errorf("%q is in %s", credential, text)
	}
	if !strings.Contains(text, "X-A") || !strings.Contains(text, "Set-Cookie") {
		t.Errorf("got %s", text)
	}
}
