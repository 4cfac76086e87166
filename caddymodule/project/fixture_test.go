// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"encoding/json"
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

// What has a capital letter is for the tests of package project_test, too.

const (
	OnlyProject = `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["` + fixture.Secret + `"]}}]}`

	// FileTime is longer than it takes until what files hold is in use.
	FileTime = 6 * time.Second
)

// Provisioned is projects, as the config of a handler has them.
type Provisioned struct {
	Projects []*Project `json:"projects"`
	Set      Set        `json:"-"`
}

// provision provisions projects from JSON in a context.
func provision(t *testing.T, ctx caddy.Context, config string) (*Provisioned, error) {
	t.Helper()
	p := new(Provisioned)
	if err := json.Unmarshal([]byte(config), p); err != nil {
		t.Fatal(err)
	}
	return p, p.Set.Provision(ctx, zap.NewNop(), p.Projects, nil)
}

// NewProjects provisions projects from JSON until the test ends.
func NewProjects(t *testing.T, config string) (*Provisioned, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	p, err := provision(t, ctx, config)
	t.Cleanup(func() {
		cancel()
		if err := p.Set.Release(); err != nil {
			t.Error(err)
		}
	})
	return p, err
}

// MustProject returns the first project of a config.
func MustProject(t *testing.T, config string) *Project {
	t.Helper()
	p, err := NewProjects(t, config)
	if err != nil {
		t.Fatal(err)
	}
	return p.Projects[0]
}

// GrantorOf returns the one for any request.
func GrantorOf(p *Project) Grantor { return p.grantor() }

func CountCaches() (count int) {
	tokenPool.Range(func(any, any) bool { count++; return true })
	return count
}

// observe makes a project log to what it returns.
func observe(project *Project, level zapcore.Level) *observer.ObservedLogs {
	core, logs := observer.New(level)
	project.logger = zap.New(core)
	return logs
}

var Reported = fixture.Metrics{Register: RegisterMetrics}

// AskingConfig returns the config of a project whose source does what the test says.
func AskingConfig(publicKey, options string) string {
	return `{"projects":[{"public_key":"` + publicKey + `"` + options + `,"source":{"module":"scripted_in_test"}}]}`
}

func ExpireOf(granted token.Token) string {
	text, _ := json.Marshal(granted.Expire)
	return string(text)
}

func WriteFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
