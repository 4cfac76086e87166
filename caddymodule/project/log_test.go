// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// The life of a token can be followed at debug level: when it is asked for and
// why, how long that takes, when it expires, and what goes wrong.
func TestDebugOutputShowsWhenAndWhyTokensAreResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := MustProject(t, AskingConfig("observed", ""))
		logs := observe(project, zapcore.DebugLevel)
		const takes = 250 * time.Millisecond
		get := func() token.Token {
			granted, _ := project.grantor().Token(t.Context())
			synctest.Wait()
			return granted
		}
		const asking = "debug asking the source for a credential source=scripted_in_test "
		responding(token.Mint(fixture.Secret, time.Now(), time.Hour), nil, takes)
		first := get()
		fixture.WantLines(t, logs, asking+"reason=there is none",
			"debug credential obtained source=scripted_in_test duration=250ms expire=946688400 expires=2000-01-01T01:00:00Z")
		get()
		fixture.WantLines(t, logs)

		time.Sleep(49*time.Minute + 50*time.Second) // ahead of the threshold
		responding(token.Token{}, errors.New("connection refused"), takes)
		get()
		time.Sleep(time.Second)
		fixture.WantLines(t, logs, asking+"reason=the cached one expires soon expire=946688400 expires=2000-01-01T01:00:00Z",
			"error no credential from the source source=scripted_in_test duration=250ms error=connection refused failures=1")

		time.Sleep(11 * time.Minute) // past the expiry
		responding(token.Token{}, fmt.Errorf("%w: status 401", token.ErrRefused), takes)
		get()
		fixture.WantLines(t, logs, asking+"reason=the cached one has expired expire=946688400 expires=2000-01-01T01:00:00Z",
			"info the source responds again source=scripted_in_test failures=1",
			"warn credential refused by the source source=scripted_in_test duration=250ms error=the source refused a token: status 401")

		responding(token.Mint(fixture.Secret, time.Now(), 24*time.Hour), nil, takes)
		second := get()
		fixture.Lines(logs)
		responding(token.Mint(fixture.Secret, time.Now(), 12*time.Hour), nil, takes)
		if !project.credentials.cache.Drop(second, token.Rejection{}) {
			t.Fatal("not dropped")
		}
		third := get()
		for i, line := range fixture.Lines(logs) {
			if i == 0 && line != asking+"reason=the service does not take the last one" || strings.Contains(line, third.Signature) {
				t.Error(line)
			}
		}
		if first == second || second == third {
			t.Error("the test's tokens do not differ")
		}
	})
}

// At the usual level only failures are logged, each ten minutes though the source is
// asked more often, with their number, and that it is back.
func TestASourceThatFailsDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := MustProject(t, AskingConfig("flooded", ""))
		logs := observe(project, zapcore.InfoLevel)
		source := fixture.Loaded("")
		source.Return(token.Token{}, errors.New("down"))
		for range 10_000 { // for 50 minutes
			if _, err := project.grantor().Token(t.Context()); err == nil {
				t.Fatal("a token")
			}
			time.Sleep(300 * time.Millisecond)
		}
		if got := logs.Len(); got < 4 || got > 6 || source.Calls() < 100 {
			t.Errorf("%d lines for %d attempts", got, source.Calls())
		}
		fixture.Lines(logs)
		source.Return(token.Mint(fixture.Secret, time.Now(), time.Hour), nil)
		time.Sleep(5 * time.Second)
		for range 3 {
			if _, err := project.grantor().Token(t.Context()); err != nil {
				t.Error(err)
			}
		}
		fixture.WantLines(t, logs, fmt.Sprintf("info the source responds again source=scripted_in_test failures=%d", source.Calls()-1))
	})
}

func TestDebugOutputShowsThatTheFallbackStandsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := MustProject(t, AskingConfig("stoodinfor", `,"fallback":{"module":"scripted_in_test","key":"stands in"}`))
		logs := observe(project, zapcore.DebugLevel)
		fixture.Loaded("").Return(token.Token{}, errors.New("down"))
		fixture.Loaded("stands in").Return(token.Mint(fixture.Secret, time.Now(), time.Hour), nil)
		if _, err := project.grantor().Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := fixture.Lines(logs)
		if len(got) != 3 || !strings.HasPrefix(got[2], "debug the source fails; using the fallback expire=946688400 expires=2000-01-01T01:00:00Z fallback=scripted_in_test retry_after=") {
			t.Errorf("%q", got)
		}
	})
}

// responding makes the source of a project take its time.
func responding(granted token.Token, err error, takes time.Duration) {
	fixture.Loaded("").Script(func(int, time.Time) (token.Token, error) {
		time.Sleep(takes)
		return granted, err
	})
}
