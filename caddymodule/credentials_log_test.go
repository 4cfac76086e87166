// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// observe makes a project log to what it returns.
func observe(project *Project, level zapcore.Level) *observer.ObservedLogs {
	core, logs := observer.New(level)
	project.logger = zap.New(core)
	return logs
}

// lines takes what was logged, each as its message and its fields.
func lines(logs *observer.ObservedLogs) []string {
	var lines []string
	for _, entry := range logs.TakeAll() {
		line := entry.Level.String() + " " + entry.Message
		for _, field := range entry.Context {
			encoder := zapcore.NewMapObjectEncoder()
			field.AddTo(encoder)
			for _, value := range encoder.Fields {
				line += fmt.Sprintf(" %s=%v", field.Key, value)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func wantLines(t *testing.T, logs *observer.ObservedLogs, want ...string) {
	t.Helper()
	if got := lines(logs); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The life of a token can be followed at debug level: when it is asked for and
// why, how long that takes, when it expires, and what goes wrong.
func TestDebugOutputTellsWhenAndWhyTokensAreResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := mustSign(t, askingConfig("observed", "")).Projects[0]
		logs := observe(project, zapcore.DebugLevel)
		source := &answering{took: 250 * time.Millisecond}
		project.ask = project.askSource(source)
		get := func() Token {
			granted, _ := project.Grantor().Token(t.Context())
			synctest.Wait()
			return granted
		}
		const asking = "debug asking the source for a credential source=obliging_in_test "
		source.answer(token.Mint(testSecret, time.Now(), time.Hour), nil)
		first := get()
		wantLines(t, logs, asking+"reason=there is none",
			"debug credential obtained source=obliging_in_test duration=250ms expire=946688400 expires=2000-01-01T01:00:00Z")
		get()
		wantLines(t, logs)

		time.Sleep(49*time.Minute + 50*time.Second) // ahead of the threshold
		source.answer(Token{}, errors.New("connection refused"))
		get()
		time.Sleep(time.Second)
		wantLines(t, logs, asking+"reason=the cached one expires soon expire=946688400 expires=2000-01-01T01:00:00Z",
			"error no credential from the source source=obliging_in_test duration=250ms error=connection refused")

		time.Sleep(11 * time.Minute) // past the expiry
		source.answer(Token{}, fmt.Errorf("%w: status 401", ErrRefused))
		get()
		wantLines(t, logs, asking+"reason=the cached one has expired expire=946688400 expires=2000-01-01T01:00:00Z",
			"info the source answers again source=obliging_in_test",
			"warn credential refused by the source source=obliging_in_test duration=250ms error=the source refused a token: status 401")

		source.answer(token.Mint(testSecret, time.Now(), 24*time.Hour), nil)
		second := get()
		lines(logs)
		source.answer(token.Mint(testSecret, time.Now(), 12*time.Hour), nil)
		if !project.credentials.cache.Drop(second, token.Rejection{}) {
			t.Fatal("not dropped")
		}
		third := get()
		for i, line := range lines(logs) {
			if i == 0 && line != asking+"reason=the service does not take the last one" || strings.Contains(line, third.Signature) {
				t.Error(line)
			}
		}
		if first == second || second == third {
			t.Error("the test's tokens do not differ")
		}
	})
}

// At the usual level only failures are told, once a minute though the source is
// asked more often, and that it is back.
func TestASourceThatFailsDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := mustSign(t, askingConfig("flooded", "")).Projects[0]
		logs := observe(project, zapcore.InfoLevel)
		source := &answering{err: errors.New("down")}
		project.ask = project.askSource(source)
		for range 10_000 { // for ten minutes
			if _, err := project.Grantor().Token(t.Context()); err == nil {
				t.Fatal("a token")
			}
			time.Sleep(60 * time.Millisecond)
		}
		if got := logs.Len(); got < 9 || got > 11 || source.calls < 100 {
			t.Errorf("%d lines for %d attempts", got, source.calls)
		}
		lines(logs)
		source.answer(token.Mint(testSecret, time.Now(), time.Hour), nil)
		time.Sleep(5 * time.Second)
		for range 3 {
			if _, err := project.Grantor().Token(t.Context()); err != nil {
				t.Error(err)
			}
		}
		wantLines(t, logs, "info the source answers again source=obliging_in_test")
	})
}

func TestDebugOutputTellsThatTheFallbackStandsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := mustSign(t, askingConfig("stoodinfor", `,"fallback":{"module":"obliging_in_test","key":"stands in"}`)).Projects[0]
		logs := observe(project, zapcore.DebugLevel)
		project.source.(*obliging).err = errors.New("down")
		project.fallback.(*obliging).token = token.Mint(testSecret, time.Now(), time.Hour)
		if _, err := project.Grantor().Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := lines(logs)
		if len(got) != 3 || !strings.HasPrefix(got[2], "debug the source fails; using the fallback expire=946688400 expires=2000-01-01T01:00:00Z fallback=obliging_in_test retry_after=") {
			t.Errorf("%q", got)
		}
	})
}

// answering is a source that takes its time.
type answering struct {
	obliging
	took  time.Duration
	calls int
	token Token
	err   error
}

func (a *answering) answer(t Token, err error) { a.token, a.err = t, err }

func (a *answering) Token(context.Context, time.Time) (Token, error) {
	time.Sleep(a.took)
	a.calls++
	return a.token, a.err
}
