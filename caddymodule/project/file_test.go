// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

func TestASecretInAFileThatChangesIsUsedWithoutAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "secret")
		writeFile(t, path, "the first\n")
		project := mustProject(t, `{"projects":[{"public_key":"filed","source":{"module":"secret_key","keys":["{file.`+path+`}"]}}]}`)
		signedWith := func(secret string) bool {
			granted, err := project.Grantor().Token(t.Context())
			return err == nil && granted.Signature == token.Sign(secret, expireOf(granted))
		}
		if !signedWith("the first") {
			t.Error("before: signed with another")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		writeFile(t, path, "the second\n")
		if !signedWith("the first") {
			t.Error("within the interval: signed with another")
		}
		time.Sleep(fileTime)
		synctest.Wait()
		if !signedWith("the second") {
			t.Error("after the interval: the cached signature is still the first secret's")
		}
	})
}

// An upload that is under way when its config goes shares its token with those
// of the next one, which has seen the file change.
func TestAnUploadThatOutlivesItsConfigSignsWithWhatTheFileHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "secret")
		writeFile(t, path, "the first")
		config := `{"projects":[{"public_key":"filed","source":{"module":"secret_key","keys":["{file.` + path + `}"]}}]}`
		ctx, unload := caddy.NewContext(caddy.Context{Context: context.Background()})
		loaded, err := provision(t, ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		before, after := loaded.Projects[0], mustProject(t, config)
		unload()
		if err := loaded.set.Release(); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, "the second")
		time.Sleep(fileTime)
		synctest.Wait()
		for when, project := range map[string]*Project{"before": before, "after": after} {
			project.credentials.cache.Clear()
			granted, err := project.Grantor().Token(t.Context())
			if err != nil || granted.Signature != token.Sign("the second", expireOf(granted)) {
				t.Errorf("the config %s signs with what the file held: %v", when, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got, err := before.source.Token(t.Context(), time.Now()); err != nil || got.Signature != token.Sign("the second", expireOf(got)) {
			t.Errorf("without the file: %v, %v", got, err)
		}
	})
}

func TestAResolverIsAskedWithWhatItsFilesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * 365 * 24 * time.Hour)
		directory := t.TempDir()
		write := func(name, content string) {
			if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("url", "https://one.example.com/\n")
		write("key", "first\n")
		t.Setenv("PREFIX", "Bearer")
		project := mustProject(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"resolver","retries":0,
			"transport":`+fixture.TransportJSON+`,
			"url":"{file.`+directory+`/url}","headers":{"Authorization":["{env.PREFIX} {file.`+directory+`/key}"]}}}]}`)
		var asked []string
		fixture.SetTransport(fixture.Answering(func(r *http.Request) string {
			asked = append(asked, r.URL.Host+" "+r.Header.Get("Authorization"))
			return fixture.Pair(testSecret, time.Now().Unix()+3600)
		}))
		get := func() error {
			_, err := project.Grantor().Token(t.Context())
			return err
		}
		wait := func() { time.Sleep(fileTime); synctest.Wait() }
		want := func(last string, calls int) {
			t.Helper()
			if err := get(); err != nil || len(asked) != calls || asked[calls-1] != last {
				t.Errorf("%v, asked %q, want %q", err, asked, last)
			}
		}
		want("one.example.com Bearer first", 1)
		wait()
		want("one.example.com Bearer first", 1)
		write("key", "second")
		wait()
		want("one.example.com Bearer second", 2)
		write("key", "") // being written: what it held stays in use
		wait()
		want("one.example.com Bearer second", 2)
		write("key", "second")
		write("url", "https://two.example.com/")
		wait()
		want("two.example.com Bearer second", 3)
		write("url", "http://canary.example.com/")
		wait()
		if err := get(); err == nil || !strings.Contains(err.Error(), "insecure_http") || strings.Contains(err.Error(), "canary") || len(asked) != 3 {
			t.Errorf("an address without TLS: %v, asked %q", err, asked)
		}
		write("url", "https://two.example.com/")
		write("key", "third\r\nX-Other: canary")
		wait()
		if err := get(); err == nil || errors.Is(err, source.ErrRefused) || !strings.Contains(err.Error(), "line break") || strings.Contains(err.Error(), "canary") || len(asked) != 3 {
			t.Errorf("a line break: %v, asked %q", err, asked)
		}
	})
}
