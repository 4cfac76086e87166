// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
)

func TestDefaults(t *testing.T) {
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	handler := new(Handler)
	provision(t, handler)
	root := filepath.Join(data, "caddy", "uploadcare_sandbox")
	want := `{"public_key":"demopublickey","secret_key":"demosecretkey","root":"` + root + `","request_limit":104857600,"storage_limit":1073741824,"multipart_limit":5368709120}`
	if got, _ := json.Marshal(handler); string(got) != want {
		t.Errorf("defaults = %s, want %s", got, want)
	}
	if stat, err := os.Stat(root); err != nil || !stat.IsDir() {
		t.Errorf("the root was not made: %v", err)
	}
	if handler.now == nil || handler.now().IsZero() {
		t.Error("there is no clock")
	}
}

func TestNamesInJSON(t *testing.T) {
	config := `{"public_key":"p","secret_key":"s","root":"r","request_limit":1,"storage_limit":2,"multipart_limit":3,"public_url":"u","allow_private_sources":true,"throttle_every":4}`
	var handler Handler
	if err := json.Unmarshal([]byte(config), &handler); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(&handler); string(again) != config {
		t.Errorf("config = %s, want %s", again, config)
	}
	if empty, _ := json.Marshal(new(Handler)); string(empty) != "{}" {
		t.Errorf("an empty config is %s", empty)
	}
	info := Handler{}.CaddyModule()
	if _, ok := info.New().(*Handler); info.ID != "http.handlers.uploadcare_sandbox" || !ok {
		t.Errorf("module = %v", info)
	}
}

func TestPlaceholdersAreResolvedOnLoad(t *testing.T) {
	root := t.TempDir()
	t.Setenv("SANDBOX_TEST_PUBLIC", testPublicKey)
	t.Setenv("SANDBOX_TEST_SECRET", testSecretKey)
	t.Setenv("SANDBOX_TEST_ROOT", root)
	f := newFixture(t, func(h *Handler) {
		h.PublicKey, h.SecretKey, h.Root = "{env.SANDBOX_TEST_PUBLIC}", "{env.SANDBOX_TEST_SECRET}", "{env.SANDBOX_TEST_ROOT}/below"
	})
	f.accepted(t, aFile)
	if len(filesBelow(t, filepath.Join(root, "below"))) == 0 {
		t.Error("nothing is below the root")
	}
	if f.SecretKey != "{env.SANDBOX_TEST_SECRET}" {
		t.Errorf("the configuration now holds the resolved secret: %q", f.SecretKey)
	}
}

func TestLoadErrors(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SANDBOX_TEST_EMPTY", "")
	for _, tc := range []struct {
		name    string
		handler Handler
		want    []string
	}{
		{"an unknown placeholder in the key", Handler{PublicKey: "{nope}"}, []string{"public_key", "{nope}"}},
		{"an empty placeholder in the key", Handler{PublicKey: "{env.SANDBOX_TEST_EMPTY}"}, []string{"public_key", "SANDBOX_TEST_EMPTY"}},
		{"an unknown placeholder in the secret", Handler{SecretKey: "top{secret}key"}, []string{"secret_key", "placeholder"}},
		{"an empty placeholder in the secret", Handler{SecretKey: "{env.SANDBOX_TEST_EMPTY}"}, []string{"secret_key", "placeholder"}},
		{"an unknown placeholder in the root", Handler{Root: "/{nope}"}, []string{"root", "{nope}"}},
		{"a root that is a file", Handler{Root: occupied}, []string{"root", occupied}},
		{"a root below a file", Handler{Root: filepath.Join(occupied, "x")}, []string{"root", occupied}},
		{"a negative request limit", Handler{RequestLimit: -1}, []string{"request_limit", "-1"}},
		{"a negative multipart limit", Handler{MultipartLimit: -3}, []string{"multipart_limit", "-3"}},
		{"a negative throttle", Handler{ThrottleEvery: -4}, []string{"throttle_every", "-4"}},
		{"an unknown placeholder in the public URL", Handler{PublicURL: "http://{nope}"}, []string{"public_url", "{nope}"}},
		{"a public URL without a scheme", Handler{PublicURL: "localhost:8081"}, []string{"public_url", "localhost:8081"}},
		{"a public URL with a query", Handler{PublicURL: "http://localhost/?x"}, []string{"public_url", "http://localhost/?x"}},
		{"a negative storage limit", Handler{StorageLimit: -2}, []string{"storage_limit", "-2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			handler := &tc.handler
			if handler.Root == "" {
				handler.Root = t.TempDir()
			}
			ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
			defer cancel()
			err := handler.Provision(ctx)
			if err == nil {
				err = handler.Validate()
			}
			if err == nil {
				t.Fatal("the configuration was loaded")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret}") || strings.Contains(err.Error(), "top") {
				t.Errorf("%q shows the secret", err)
			}
			// Caddy calls Cleanup for what it could not load.
			if err := handler.Cleanup(); err != nil {
				t.Errorf("Cleanup: %v", err)
			}
			if _, exists := stores.References(handler.root); exists {
				t.Error("a hold on the store was not given back")
			}
		})
	}
}

func TestTheWarningOnLoad(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	handler := &Handler{SecretKey: testSecretKey, RequestLimit: 5, StorageLimit: 6, secretKey: testSecretKey, root: "/x"}
	handler.logger = zap.New(core)
	handler.announce()
	entries := logs.All()
	if len(entries) != 1 || entries[0].Level != zapcore.WarnLevel || !strings.Contains(entries[0].Message, "not for production") {
		t.Fatalf("log = %v", entries)
	}
	fields := entries[0].ContextMap()
	if len(fields) != 3 || fields["root"] != "/x" || fields["request_limit"] != int64(5) || fields["storage_limit"] != int64(6) {
		t.Errorf("fields = %v", fields)
	}
}

func TestTwoHandlersOnOneRootShareTheAccounting(t *testing.T) {
	root := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	first := newFixture(t, func(h *Handler) { h.Root, h.StorageLimit = root, 100 })
	second := newFixture(t, func(h *Handler) { h.Root, h.StorageLimit = filepath.Join(link, "."), 120 })
	content := func(n int) string { return file("file", "x", strings.Repeat("x", n)) }

	id := first.accepted(t, content(60))["file"]
	if response := second.get(t, "/"+id+"/"); response.Code != 200 {
		t.Errorf("the second handler does not have the first one's file: %d", response.Code)
	}
	second.accepted(t, content(40))
	wantRefusal(t, first.upload(t, append(signed(), content(1))...), errAccountLimits)
	second.accepted(t, content(20)) // its own limit is higher
	wantRefusal(t, second.upload(t, append(signed(), content(1))...), errAccountLimits)
	if holds, _ := stores.References(first.root); holds != 2 {
		t.Errorf("the store is held %d times, want 2", holds)
	}
}

func TestCleanupGivesItsHoldBackOnce(t *testing.T) {
	root := t.TempDir()
	first := newFixture(t, func(h *Handler) { h.Root = root })
	second := newFixture(t, func(h *Handler) { h.Root = root })
	for range 2 {
		if err := first.Cleanup(); err != nil {
			t.Fatal(err)
		}
	}
	if holds, _ := stores.References(second.root); holds != 1 {
		t.Errorf("the store is held %d times, want 1", holds)
	}
	second.accepted(t, aFile)
	if err := new(Handler).Cleanup(); err != nil {
		t.Errorf("Cleanup of a handler that was never provisioned: %v", err)
	}
}

// Invariant 9, for the sandbox's part.
func TestAnUploadOutlivesTheCleanupOfItsHandler(t *testing.T) {
	root := t.TempDir()
	old := newFixture(t, func(h *Handler) { h.Root = root })
	form := formOf(append(signed(), file("file", "x", strings.Repeat("x", 100<<10)))...)
	upload := startUpload(old)
	upload.write(t, form[:80<<10])

	if err := old.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if holds, _ := stores.References(old.root); holds != 1 {
		t.Fatalf("the store is held %d times, want 1 by the upload", holds)
	}
	// A configuration that comes later must not take the upload for a leftover.
	next := newFixture(t, func(h *Handler) { h.Root = root })
	next.accepted(t, aFile)

	upload.write(t, form[80<<10:])
	if err := upload.finish(); err != nil {
		t.Fatal(err)
	}
	id := uuidsOf(t, upload.recorder)["file"]
	if got := next.get(t, "/"+id+"/").Body.Len(); got != 100<<10 {
		t.Errorf("the file has %d bytes, want %d", got, 100<<10)
	}
	if used := next.used(t); used != 100<<10+int64(len("hello")) {
		t.Errorf("%d bytes are counted", used)
	}
	if holds, _ := stores.References(next.root); holds != 1 {
		t.Errorf("the store is held %d times, want 1 by the new handler", holds)
	}
}

func TestTheLastUploadClosesTheStore(t *testing.T) {
	f := newFixture(t)
	upload := startUpload(f)
	upload.write(t, "--"+testBoundary)
	held := f.store(t)
	if err := f.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if err := upload.abort(); !isClientGone(err) {
		t.Fatal(err)
	}
	if _, exists := stores.References(f.root); exists {
		t.Error("the store is still in the pool")
	}
	if _, err := held.directory.Stat("."); err == nil {
		t.Error("the directory is still open")
	}
}
