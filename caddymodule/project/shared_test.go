// SPDX-License-Identifier: Apache-2.0

package project

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// newGateway provisions a handler in a config of its own whose storage is in a
// directory. Its threshold distinguishes it from other gateways in the process, which
// would share its cache otherwise.
func newGateway(t *testing.T, storage, source string, threshold time.Duration) *Provisioned {
	t.Helper()
	root, err := caddy.ProvisionContext(&caddy.Config{
		StorageRaw: json.RawMessage(fmt.Sprintf(`{"module":"file_system","root":%q}`, storage)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(root)
	config := fmt.Sprintf(`{"projects":[{"public_key":"demopublickey","shared":true,"threshold":%d,"source":%s}]}`, threshold, source)
	p, err := provision(t, ctx, config)
	t.Cleanup(func() {
		cancel()
		if err := p.Set.Release(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startSigner is a back end that signs for any caller, and counts.
func startSigner(t *testing.T) (url string, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		pair := token.Mint(fixture.Secret, time.Now().Add(time.Duration(calls.Add(1))*time.Second), time.Hour)
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%d"}`, pair.Signature, pair.Expire)
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

// stored waits for the records in a storage and returns them, by file name.
func stored(t *testing.T, storage string, count int) map[string]string {
	t.Helper()
	records := make(map[string]string)
	for deadline := time.Now().Add(10 * time.Second); len(records) != count && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		clear(records)
		_ = filepath.WalkDir(storage, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".json" && !entry.IsDir() {
				content, _ := os.ReadFile(path)
				records[filepath.Base(path)] = string(content)
			}
			return nil
		})
	}
	if len(records) != count {
		t.Fatalf("%d records are stored, not %d", len(records), count)
	}
	return records
}

func TestSharedNeedsASourceThatAsks(t *testing.T) {
	for source, config := range map[string]string{
		"secret_key": `{"module":"secret_key","keys":["` + fixture.Secret + `"]}`,
		"static":     fixture.Static(fixture.PairFor(time.Hour)),
	} {
		_, err := NewProjects(t, `{"projects":[{"public_key":"p","shared":true,"source":`+config+`}]}`)
		if err == nil || !strings.Contains(err.Error(), "shared: "+source+": it asks nobody") {
			t.Errorf("%s: got %v", source, err)
		}
	}
}

// Invariant 6, for a fleet: what one gateway got from the resolver is in the
// config's storage, and serves the next.
func TestInvariant6GatewaysShareThroughTheConfigsStorage(t *testing.T) {
	url, calls := startSigner(t)
	storage := t.TempDir()
	var first token.Token
	for i := range 3 {
		project := newGateway(t, storage, `{"module":"resolver","url":"`+url+`"}`, time.Duration(i+5)*time.Minute).Projects[0]
		logs := observe(project, zapcore.DebugLevel)
		granted, err := project.grantor().Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = granted
			stored(t, storage, 1)
			continue
		}
		if granted != first {
			t.Errorf("gateway %d: got %v, want %v", i, granted, first)
		}
		fixture.WantLines(t, logs, fmt.Sprintf("debug credential read from the storage expire=%d expires=%s", first.Expire, rfc3339(first)))
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls", calls.Load())
	}
}

// One caller's tokens never gateway another's upload, also not by way of the
// storage, and it does not show who the callers are (invariant 8).
func TestInvariant8CallersShareTheirOwnTokensAndAreNotShown(t *testing.T) {
	url, calls := startSigner(t)
	storage := t.TempDir()
	source := `{"module":"resolver","url":"` + url + `","headers":{"Authorization":["{http.request.header.Authorization}"]}}`
	signatures := make(map[string]string)
	for i := range 2 {
		gateway := newGateway(t, storage, source, time.Duration(i+5)*time.Minute)
		for n, caller := range []string{"Bearer canary-of-anna", "Bearer canary-of-bert"} {
			replacer := caddy.NewReplacer()
			replacer.Set("http.request.header.Authorization", caller)
			granted, err := gateway.Projects[0].grantorFor(replacer).Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if before, ok := signatures[caller]; ok && before != granted.Signature {
				t.Errorf("gateway %d: another token for %s", i, caller)
			}
			signatures[caller] = granted.Signature
			if i == 0 {
				stored(t, storage, n+1)
			}
		}
	}
	if calls.Load() != 2 || signatures["Bearer canary-of-anna"] == signatures["Bearer canary-of-bert"] {
		t.Errorf("%d calls for two callers", calls.Load())
	}
	for name, content := range stored(t, storage, 2) {
		if strings.Contains(name+content, "canary") || strings.Contains(name+content, "demopublickey") || strings.Contains(name+content, url) {
			t.Errorf("stored %s %s", name, content)
		}
	}
}

func TestAStorageThatCannotBeUsedIsLoggedOnceAndStopsNoUpload(t *testing.T) {
	url, calls := startSigner(t)
	file := filepath.Join(t.TempDir(), "no directory")
	WriteFile(t, file, "")
	gateway := newGateway(t, file, `{"module":"resolver","url":"`+url+`"}`, 5*time.Minute)
	logs := observe(gateway.Projects[0], zapcore.InfoLevel)
	for range 3 {
		granted, err := gateway.Projects[0].grantor().Token(t.Context())
		if err != nil || granted.Signature != token.Sign(fixture.Secret, ExpireOf(granted)) || granted.Expired(time.Now(), 0) {
			t.Errorf("got %v, %v", granted, err)
		}
		gateway.Projects[0].credentials.cache.Clear()
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls", calls.Load())
	}
	lines := fixture.Lines(logs)
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "warn credentials cannot be shared through the storage; until they can, this gateway asks its source by itself error=") {
		t.Errorf("logged %q", lines)
	}
}

// When the config is gone, so is its storage; that is no news.
func TestAnUnloadedConfigDoesNotLogItsStorage(t *testing.T) {
	url, _ := startSigner(t)
	gateway := newGateway(t, t.TempDir(), `{"module":"resolver","url":"`+url+`"}`, 5*time.Minute)
	project := gateway.Projects[0]
	logs := observe(project, zapcore.InfoLevel)
	ctx, unload := caddy.NewContext(caddy.Context{Context: t.Context()})
	project.fleet.Report = project.reportSharing(ctx)
	unload()
	project.fleet.Report(os.ErrClosed, 1)
	fixture.WantLines(t, logs)
}
