// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatCannotBeReadLeavesWhatItHeld(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"removed":     os.Remove,
		"empty":       func(path string) error { return os.Truncate(path, 0) },
		"a line feed": func(path string) error { return os.WriteFile(path, []byte("\n"), 0o600) },
		"a directory": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "secret")
				writeFile(t, path, fixture.Secret)
				setting, called, logs := watched(t, "Bearer {file."+path+"}")
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if setting.get() != "Bearer "+fixture.Secret || *called != 0 {
					t.Errorf("got %q, called %d times", setting.get(), *called)
				}
				wantMessages(t, logs, "error a file cannot be read any more, or is empty; what it held stays in use")

				_ = os.RemoveAll(path)
				writeFile(t, path, fixture.Secret+"\r\n") // which stands for the same
				time.Sleep(time.Hour)
				synctest.Wait()
				if *called != 0 {
					t.Errorf("the same: called %d times", *called)
				}
				wantMessages(t, logs, "info a file can be read again; what it holds has not changed")

				writeFile(t, path, "another")
				time.Sleep(time.Hour)
				synctest.Wait()
				if setting.get() != "Bearer another" || *called != 1 {
					t.Errorf("another: got %q, called %d times", setting.get(), *called)
				}
				wantMessages(t, logs, "info a file has changed; what it holds is in use now")
			})
		})
	}
}

// Kubernetes replaces the directory that a symbolic link leads to, so that the
// file itself never changes.
func TestAFileBehindASymbolicLinkThatIsSwappedIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		directory := t.TempDir()
		publish := func(version, content string) {
			if err := os.Mkdir(filepath.Join(directory, version), 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(directory, version, "secret"), content)
			if err := os.Symlink(version, filepath.Join(directory, "..data_tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(directory, "..data_tmp"), filepath.Join(directory, "..data")); err != nil {
				t.Fatal(err)
			}
		}
		publish("..1", "the first")
		if err := os.Symlink("..data/secret", filepath.Join(directory, "secret")); err != nil {
			t.Fatal(err)
		}
		setting, called, _ := watched(t, "{file."+directory+"/secret}")
		publish("..2", "the second")
		if err := os.RemoveAll(filepath.Join(directory, "..1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(fileInterval)
		synctest.Wait()
		if setting.get() != "the second" || *called != 1 {
			t.Errorf("got %q, called %d times", setting.get(), *called)
		}
	})
}

// watched returns a setting whose files are read again, how often its source
// was called for a change, and what was logged.
func watched(t *testing.T, raw string) (*setting, *int, *observer.ObservedLogs) {
	t.Helper()
	setting, err := newSetting("header", raw)
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	called, changes := new(int), new(changes)
	changes.OnChange(func() { *called++ })
	changes.watch(t.Context(), zap.New(core), setting)
	return setting, called, logs
}

// wantMessages checks what was logged, and that it shows nothing of what the
// files hold.
func wantMessages(t *testing.T, logs *observer.ObservedLogs, want ...string) {
	t.Helper()
	got := fixture.Lines(logs)
	for i, line := range got {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) || strings.Contains(line, fixture.Secret) {
			t.Errorf("logged: %s", line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %q", len(got), want)
	}
}

func TestFilesAreNotReadWhenTheConfigIsGone(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "secret")
	writeFile(t, path, "s")
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	if _, err := ctx.LoadModuleByID("uploadcare.sources.secret_key", json.RawMessage(`{"keys":["{file.`+path+`}"]}`)); err != nil {
		t.Fatal(err)
	}
	if err := goleak.Find(before); err == nil {
		t.Error("the file is not read")
	}
	cancel()
	goleak.VerifyNone(t, before)
}
