// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	testSecret      = "canary-of-a-secret-key" //nolint:gosec // a test's own
	canarySignature = "ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a"
	onlyProject     = `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["` + testSecret + `"]}}]}`

	// bubbleAge is slept through first: a bubble begins in 2000, when Unix
	// seconds had nine digits.
	bubbleAge = 2 * 365 * 24 * time.Hour

	// fileTime is longer than it takes until what files hold is in use.
	fileTime = 6 * time.Second
)

// provisioned is projects, as the config of a handler has them.
type provisioned struct {
	Projects []*Project `json:"projects"`
	set      Set
}

// provision provisions projects from JSON in a context.
func provision(t *testing.T, ctx caddy.Context, config string) (*provisioned, error) {
	t.Helper()
	p := new(provisioned)
	if err := json.Unmarshal([]byte(config), p); err != nil {
		t.Fatal(err)
	}
	return p, p.set.Provision(ctx, zap.NewNop(), p.Projects)
}

// newProjects provisions projects from JSON until the test ends.
func newProjects(t *testing.T, config string) (*provisioned, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	p, err := provision(t, ctx, config)
	t.Cleanup(func() {
		cancel()
		if err := p.set.Release(); err != nil {
			t.Error(err)
		}
	})
	return p, err
}

// mustProject returns the first project of a config.
func mustProject(t *testing.T, config string) *Project {
	t.Helper()
	p, err := newProjects(t, config)
	if err != nil {
		t.Fatal(err)
	}
	return p.Projects[0]
}

func countCaches() (count int) {
	tokenPool.Range(func(any, any) bool { count++; return true })
	return count
}

// observe makes a project log to what it returns.
func observe(project *Project, level zapcore.Level) *observer.ObservedLogs {
	core, logs := observer.New(level)
	project.logger = zap.New(core)
	return logs
}

var reported = fixture.Metrics{Register: RegisterMetrics}

// askingConfig returns the config of a project whose source does what the test says.
func askingConfig(publicKey, options string) string {
	return `{"projects":[{"public_key":"` + publicKey + `"` + options + `,"source":{"module":"scripted_in_test"}}]}`
}

// staticJSON returns the source for a pair.
func staticJSON(pair token.Token) string {
	return fmt.Sprintf(`{"module":"static","signature":"%s","expire":"%d"}`, pair.Signature, pair.Expire)
}

func staticConfig(source string) string {
	return `{"projects":[{"public_key":"demopublickey","source":` + source + `}]}`
}

// pairFor returns a pair that expires after a while.
func pairFor(lifetime time.Duration) token.Token {
	pair := token.Mint(testSecret, time.Now(), lifetime)
	pair.Issued = 0
	return pair
}

func expireOf(granted token.Token) string {
	text, _ := json.Marshal(granted.Expire)
	return string(text)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
