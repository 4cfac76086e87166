// SPDX-License-Identifier: Apache-2.0

package project_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

func TestASecretInAFileThatChangesIsUsedWithoutAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "secret")
		project.WriteFile(t, path, "the first\n")
		p := project.MustProject(t, `{"projects":[{"public_key":"filed","source":{"module":"secret_key","keys":["{file.`+path+`}"]}}]}`)
		signedWith := func(secret string) bool {
			granted, err := project.GrantorOf(p).Token(t.Context())
			return err == nil && granted.Signature == token.Sign(secret, project.ExpireOf(granted))
		}
		if !signedWith("the first") {
			t.Error("before: signed with another")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		project.WriteFile(t, path, "the second\n")
		if !signedWith("the first") {
			t.Error("within the interval: signed with another")
		}
		time.Sleep(project.FileTime)
		synctest.Wait()
		if !signedWith("the second") {
			t.Error("after the interval: the cached signature is still the first secret's")
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
		p := project.MustProject(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"resolver","retries":0,
			"transport":`+fixture.TransportJSON+`,
			"url":"{file.`+directory+`/url}","headers":{"Authorization":["{env.PREFIX} {file.`+directory+`/key}"]}}}]}`)
		var asked []string
		fixture.SetTransport(fixture.RespondWith(func(r *http.Request) string {
			asked = append(asked, r.URL.Host+" "+r.Header.Get("Authorization"))
			return fixture.Pair(fixture.Secret, time.Now().Unix()+3600)
		}))
		get := func() error {
			_, err := project.GrantorOf(p).Token(t.Context())
			return err
		}
		wait := func() { time.Sleep(project.FileTime); synctest.Wait() }
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
