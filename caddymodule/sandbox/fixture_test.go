// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	testPublicKey = "testpublickey"
	testSecretKey = "testsecretkey"
	testBoundary  = "test-boundary"
	testNow       = 1_800_000_000
)

// testClock is a clock that only the test moves.
type testClock struct{ seconds atomic.Int64 }

func (c *testClock) now() time.Time { return time.Unix(c.seconds.Load(), 999_999_999) }

// fixture is a provisioned handler, with its clock and root.
type fixture struct {
	*Handler
	clock *testClock
	logs  *observer.ObservedLogs
}

// newFixture provisions a handler on a root of its own; change may set options.
func newFixture(t *testing.T, change ...func(*Handler)) *fixture {
	t.Helper()
	handler := &Handler{PublicKey: testPublicKey, SecretKey: testSecretKey, Root: t.TempDir()}
	for _, apply := range change {
		apply(handler)
	}
	provision(t, handler)
	f := &fixture{Handler: handler, clock: new(testClock)}
	f.clock.seconds.Store(testNow)
	handler.now = f.clock.now
	core, logs := observer.New(zapcore.DebugLevel)
	handler.logger, f.logs = zap.New(core), logs
	return f
}

func provision(t *testing.T, handler *Handler) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if err := handler.Cleanup(); err != nil {
			t.Errorf("Cleanup: %v", err)
		}
	})
	if err := handler.Provision(ctx); err != nil {
		t.Fatalf("Provision: %v", err)
	}
	if err := handler.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
}

// store returns the handler's store without a reference to it.
func (f *fixture) store(t *testing.T) *store {
	t.Helper()
	held, err := acquireStore(f.root)
	if err != nil {
		t.Fatal(err)
	}
	if err := releaseStore(f.root); err != nil {
		t.Fatal(err)
	}
	return held
}

// used returns how many bytes the handler's store counts.
func (f *fixture) used(t *testing.T) int64 {
	t.Helper()
	held := f.store(t)
	held.mu.Lock()
	defer held.mu.Unlock()
	return held.used
}

// do serves one request in this goroutine and returns the response.
func (f *fixture) do(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	if err := f.ServeHTTP(recorder, r, nil); err != nil {
		t.Fatalf("ServeHTTP: %v", err)
	}
	return recorder
}

func (f *fixture) get(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	return f.do(t, httptest.NewRequest(http.MethodGet, target, nil))
}

func (f *fixture) upload(t *testing.T, parts ...string) *httptest.ResponseRecorder {
	t.Helper()
	return f.do(t, uploadRequest("/base/", formOf(parts...)))
}

// accepted uploads a form that has to be accepted and returns its response.
func (f *fixture) accepted(t *testing.T, parts ...string) map[string]string {
	t.Helper()
	return uuidsOf(t, f.upload(t, append(signed(), parts...)...))
}

func uuidsOf(t *testing.T, response *httptest.ResponseRecorder) map[string]string {
	t.Helper()
	if response.Code != http.StatusOK {
		t.Fatalf("status = %d (%s), want 200", response.Code, response.Body)
	}
	var ids map[string]string
	if err := json.Unmarshal(response.Body.Bytes(), &ids); err != nil {
		t.Fatalf("response %s: %v", response.Body, err)
	}
	for name, id := range ids {
		if !isID(id) || id[14] != '4' {
			t.Fatalf("%s has uuid %q, want a version 4", name, id)
		}
	}
	return ids
}

// field and file write one part each as a client would.
func field(name, value string) string {
	return fmt.Sprintf("Content-Disposition: form-data; name=%q\r\n\r\n%s", name, value)
}

func file(name, filename, content string) string {
	return fmt.Sprintf("Content-Disposition: form-data; name=%q; filename=%q\r\nContent-Type: application/octet-stream\r\n\r\n%s",
		name, filename, content)
}

func formOf(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("--" + testBoundary + "\r\n" + part + "\r\n")
	}
	b.WriteString("--" + testBoundary + "--\r\n")
	return b.String()
}

// signed returns the three fields that every accepted upload has.
func signed() []string {
	expire := strconv.Itoa(testNow + 60)
	return []string{
		field("UPLOADCARE_PUB_KEY", testPublicKey),
		field("signature", token.Sign(testSecretKey, expire)),
		field("expire", expire),
	}
}

func uploadRequest(target, body string) *http.Request {
	return streamRequest(target, strings.NewReader(body))
}

func streamRequest(target string, body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
	return r
}

// wantRefusal checks a response in the plain dialect to the byte.
func wantRefusal(t *testing.T, response *httptest.ResponseRecorder, want *uploadapi.Error) {
	t.Helper()
	if response.Code != want.Status || response.Body.String() != want.Message {
		t.Errorf("response = %d %q, want %d %q", response.Code, response.Body, want.Status, want.Message)
	}
	if got := response.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
}

// wantEnvelope checks a response in the JSON dialect.
func wantEnvelope(t *testing.T, response *httptest.ResponseRecorder, want *uploadapi.Error) {
	t.Helper()
	content, _ := json.Marshal(want.Message)
	body := fmt.Sprintf(`{"error":{"status_code":%d,"content":%s,"error_code":%q}}`, want.Status, content, want.Code)
	if response.Code != http.StatusOK || response.Body.String() != body {
		t.Errorf("response = %d %s, want 200 %s", response.Code, response.Body, body)
	}
	if got := response.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q", got)
	}
}

// wantNothingKept checks that nothing is left of an upload, on disk and in the count.
func (f *fixture) wantNothingKept(t *testing.T) {
	t.Helper()
	if names := filesBelow(t, f.root); len(names) != 0 {
		t.Errorf("the root still holds %q", names)
	}
	if used := f.used(t); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// filesBelow lists everything below a directory, directories included.
func filesBelow(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if path != root {
			names = append(names, strings.TrimPrefix(path, root+string(os.PathSeparator)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// readerFunc is a body that a function generates.
type readerFunc func([]byte) (int, error)

func (read readerFunc) Read(p []byte) (int, error) { return read(p) }

// repeat yields size bytes that are never in memory together.
func repeat(size int64) io.Reader {
	block := bytes.Repeat([]byte("0123456789abcdef"), 256)
	return io.LimitReader(readerFunc(func(p []byte) (int, error) { return copy(p, block), nil }), size)
}
