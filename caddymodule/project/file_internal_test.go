// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// An upload that is under way when its config goes shares its token with those
// of the next one, which has seen the file change.
func TestAnUploadThatOutlivesItsConfigSignsWithWhatTheFileHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "secret")
		WriteFile(t, path, "the first")
		config := `{"projects":[{"public_key":"filed","source":{"module":"secret_key","keys":["{file.` + path + `}"]}}]}`
		ctx, unload := caddy.NewContext(caddy.Context{Context: context.Background()})
		loaded, err := provision(t, ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		before, after := loaded.Projects[0], MustProject(t, config)
		unload()
		if err := loaded.Set.Release(); err != nil {
			t.Fatal(err)
		}
		WriteFile(t, path, "the second")
		time.Sleep(FileTime)
		synctest.Wait()
		for when, project := range map[string]*Project{"before": before, "after": after} {
			project.credentials.cache.Clear()
			granted, err := project.grantor().Token(t.Context())
			if err != nil || granted.Signature != token.Sign("the second", ExpireOf(granted)) {
				t.Errorf("the config %s signs with what the file held: %v", when, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got, err := before.source.Token(t.Context(), time.Now()); err != nil || got.Signature != token.Sign("the second", ExpireOf(got)) {
			t.Errorf("without the file: %v, %v", got, err)
		}
	})
}
