// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/shared"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

func statusOf(t *testing.T, name string) Status {
	t.Helper()
	for _, status := range Statuses() {
		if status.Project == name {
			return status
		}
	}
	t.Fatalf("no project %s in %v", name, Statuses())
	return Status{}
}

func ask(t *testing.T, p *Project) error {
	t.Helper()
	_, err := p.grantor().Token(t.Context())
	return err
}

// localFailing is a guest that makes credentials on this machine, and cannot.
type localFailing struct{ *fixture.Source }

func (localFailing) Local() {}

func TestAStatusFollowsTheSource(t *testing.T) {
	p := MustProject(t, AskingConfig("followed", ""))
	asked := fixture.Loaded("")
	want := func(state State, notReady string) Status {
		t.Helper()
		status := statusOf(t, "followed")
		if status.State != state || status.NotReady != notReady {
			t.Errorf("got %s, %q", status.State, status.NotReady)
		}
		return status
	}
	if status := want(StateNotAsked, ""); status.Expires != nil || status.LastError != nil || asked.Calls() != 0 {
		t.Errorf("got %+v, asked %d times", status, asked.Calls())
	}

	asked.Return(token.Token{}, fmt.Errorf("%w: dial tcp: connection refused", source.ErrUnreachable))
	if ask(t, p) == nil {
		t.Fatal("no error")
	}
	// The resolver is of all machines: this one stays ready.
	status := want(StateFailing, "")
	if status.LastError == nil || status.LastError.Kind != "unreachable" || status.PausedUntil == nil || !strings.Contains(status.LastError.Error, "connection refused") {
		t.Errorf("got %+v", status.LastError)
	}

	p.credentials.cache.Clear() // ends the pause
	asked.Return(token.Token{}, source.ErrRefused)
	_ = ask(t, p)
	want(StateRefused, "")

	expire := time.Now().Add(time.Hour).Unix()
	asked.Return(token.Token{Signature: strings.Repeat("a", 64), Expire: expire}, nil)
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	if status := want(StateOK, ""); status.Expires == nil || status.Expires.Unix() != expire || status.LastError.Kind != "refused" {
		t.Errorf("got %+v", status)
	}
	if calls := asked.Calls(); calls != 3 {
		t.Errorf("a status has asked the source: %d calls", calls)
	}
}

func TestOnlyThisMachinesOwnReasonsMakeItNotReady(t *testing.T) {
	p := MustProject(t, AskingConfig("local", ""))
	fixture.Loaded("").Return(token.Token{}, errors.New("no such device"))
	_ = ask(t, p)
	if reasons, none := NotReady(); reasons != nil || none {
		t.Errorf("a source elsewhere made it not ready: %v", reasons)
	}
	p.source = localFailing{fixture.Loaded("")}
	reasons, none := NotReady()
	if none || len(reasons) != 1 || !strings.Contains(reasons["local"], "on this machine") {
		t.Errorf("got %v, %t", reasons, none)
	}

	other := MustProject(t, AskingConfig("other", "")) // that was not asked yet
	if reasons, _ := NotReady(); reasons != nil {
		t.Errorf("one project can be signed for, and it is not ready: %v", reasons)
	}
	loaded.remove(other)
	p.publicKey = Any
	if reasons, _ := NotReady(); reasons != nil {
		t.Errorf("* made it not ready: %v", reasons)
	}
}

func TestNoProjectIsNotReady(t *testing.T) {
	if _, none := NotReady(); !none {
		t.Error("a project of another test is left")
	}
}

// Two configs are up during a reload, and several handlers may have the same project.
func TestEqualProjectsAreOne(t *testing.T) {
	first, cancelFirst := caddy.NewContext(caddy.Context{Context: context.Background()})
	second, cancelSecond := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancelFirst()
	defer cancelSecond()
	before, err := provision(t, first, OnlyProject)
	if err != nil {
		t.Fatal(err)
	}
	after, err := provision(t, second, OnlyProject)
	if err != nil {
		t.Fatal(err)
	}
	var checked Set
	differs := &Project{PublicKey: "demopublickey", Callers: CallersChecked, SourceRaw: json.RawMessage(`{"module":"secret_key","keys":["` + fixture.Secret + `"]}`)}
	if err := checked.Provision(second, zap.NewNop(), []*Project{differs}, nil); err != nil {
		t.Fatal(err)
	}
	names := func() (names []string) {
		for _, status := range Statuses() {
			names = append(names, status.Project+" "+status.Callers)
		}
		slices.Sort(names)
		return names
	}
	if got := names(); !slices.Equal(got, []string{"demopublickey checked", "demopublickey not said"}) {
		t.Errorf("got %q", got)
	}
	for _, set := range []*Set{&before.Set, &after.Set, &checked} {
		if err := set.Release(); err != nil {
			t.Error(err)
		}
	}
	if got := names(); got != nil {
		t.Errorf("left: %q", got)
	}
}

func TestUploadsAreCountedByOutcomeAndReason(t *testing.T) {
	p := MustProject(t, AskingConfig("counted", ""))
	for _, endpoint := range uploadapi.SignedEndpoints()[:2] {
		metrics := p.Uploads()[endpoint]
		metrics.Ended(Accepted, "", time.Second, 1)
		metrics.Ended(UpstreamError, ReasonDial, time.Second, 1)
	}
	p.ClientSent("curl", CredentialNone)
	got := statusOf(t, "counted").Uploads
	if len(got.Clients) != 1 || got.Clients["curl"][CredentialNone] != 1 {
		t.Errorf("got %v", got.Clients)
	}
	if got.Outcomes["accepted"] != 2 || got.Outcomes["upstream_error"] != 2 || got.Outcomes["refused"] != 0 || len(got.Outcomes) != len(Outcomes) {
		t.Errorf("got %v", got.Outcomes)
	}
	if len(got.Reasons) != 1 || got.Reasons["upstream_error"]["dial"] != 2 {
		t.Errorf("got %v", got.Reasons)
	}
}

func TestInvariant8NoCredentialIsInAFailure(t *testing.T) {
	signature, jwt := strings.Repeat("0a", 32), "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9abc.c2lnbmF0dXJlLW9mLWl0c2VsZg"
	var a asked
	a.note(fmt.Errorf("GET https://user:password@example.com/?token=canary: got %s and %s", signature, strings.ToUpper(jwt)))
	text := a.last.Load().Error
	for _, secret := range []string{signature, "password", "canary", strings.ToUpper(jwt)} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	if !strings.Contains(text, "example.com") {
		t.Errorf("nothing is left: %s", text)
	}
}

// brokenStorage fails, as on a machine whose network to it is down.
type brokenStorage struct{ shared.Storage }

var errStorage = errors.New("no route to host")

func (brokenStorage) Load(context.Context, string) ([]byte, error) { return nil, errStorage }

// With its storage, another machine would have what the fleet shares; without both, only
// this one cannot sign.
func TestAStorageThatFailsHereMakesThisMachineNotReady(t *testing.T) {
	p := MustProject(t, AskingConfig("sharing", ""))
	p.fleet = &shared.Tokens{Storage: brokenStorage{}, Clock: p.credentials.clock, Report: func(error, int) {}}
	p.ask = p.askSource(p.source)
	asked := fixture.Loaded("")
	want := func(storage, notReady string) {
		t.Helper()
		status := statusOf(t, "sharing")
		if status.Storage != storage || !strings.Contains(status.NotReady, notReady) || notReady == "" && status.NotReady != "" {
			t.Errorf("got %q, %q", status.Storage, status.NotReady)
		}
	}
	want("working", "")
	asked.Return(token.Token{Signature: strings.Repeat("a", 64), Expire: time.Now().Add(time.Hour).Unix()}, nil)
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	want("failing", "") // it asks by itself
	p.credentials.cache.Clear()
	asked.Return(token.Token{}, errors.New("it is down, too"))
	_ = ask(t, p)
	want("failing", "the storage that it shares credentials through fails on this machine")
}

// A file that is gone stays in use, so nothing fails yet: but the next start would.
func TestAFileThatCannotBeReadAnyMoreIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "secret")
		WriteFile(t, path, "key")
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		defer cancel()
		p, err := provision(t, ctx, `{"projects":[{"public_key":"filed","source":{"module":"secret_key","keys":["{file.`+path+`}"]}}]}`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Set.Release() }()
		if got := statusOf(t, "filed").UnreadableFiles; got != nil {
			t.Errorf("got %q", got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(FileTime)
		synctest.Wait()
		if got := statusOf(t, "filed"); !slices.Equal(got.UnreadableFiles, []string{path}) || got.NotReady != "" {
			t.Errorf("got %q, %q", got.UnreadableFiles, got.NotReady)
		}
		WriteFile(t, path, "key")
		time.Sleep(FileTime)
		synctest.Wait()
		if got := statusOf(t, "filed").UnreadableFiles; got != nil {
			t.Errorf("got %q", got)
		}
	})
}
