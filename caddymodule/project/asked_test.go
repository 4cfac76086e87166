// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

var errDown = errors.New("down")

// wantOneAccount checks that metrics, status and readiness say the same of a source.
func wantOneAccount(t *testing.T, p *Project, state State, up float64, ready bool) {
	t.Helper()
	Reported.Want(t, map[string]float64{
		fmt.Sprintf(`caddy_uploadcare_source_up{project="%s",source="%s"}`, p.publicKey, sourceName(p.source)): up,
	})
	if status := statusOf(t, p.publicKey); status.State != state || (status.NotReady == "") != ready {
		t.Errorf("the status is %s, and not ready: %q", status.State, status.NotReady)
	}
}

// What is made for each upload, too, ends with a refusal: that is a response.
func TestMetricsStatusAndReadinessAgreeOnASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { agree(t) })
}

func agree(t *testing.T) {
	t.Helper()
	p := MustProject(t, `{"projects":[{"public_key":"agreed","scheme":"token","source":{"module":"secret_key","keys":["one"]}}]}`)
	logs := observe(p, zapcore.InfoLevel)
	attempt := func(err error) {
		_, _ = p.forAttempt(func(now time.Time) (source.Token, error) {
			if err != nil {
				return source.Token{}, err
			}
			return token.MintAccessToken("one", now, time.Hour, []string{"/base/"}, 0)
		})
	}
	wantOneAccount(t, p, StateNotAsked, 1, true)
	attempt(errDown)
	wantOneAccount(t, p, StateFailing, 0, false)
	attempt(source.ErrRefused)
	wantOneAccount(t, p, StateRefused, 1, true)
	attempt(errDown)
	wantOneAccount(t, p, StateFailing, 0, false)
	attempt(nil)
	wantOneAccount(t, p, StateOK, 1, true)
	const by = "source=secret_key "
	fixture.WantLines(t, logs, "error no credential from the source "+by+"duration=0s error=down failures=1",
		"info the source responds again "+by+"failures=1",
		"warn credential refused by the source "+by+"duration=0s error=the source refused a token")
}

// One caller for whom the source fails, among others, is logged each ten minutes.
func TestACallerForWhomTheSourceFailsDoesNotFloodTheLog(t *testing.T) {
	p := MustProject(t, `{"projects":[{"public_key":"among","source":{"module":"resolver","url":"https://localhost","headers":{"Cookie":["{http.request.header.Cookie}"]}}}]}`)
	logs := observe(p, zapcore.InfoLevel)
	for range 100 {
		p.note(errDown, time.Second, true)
		p.note(nil, time.Second, true)
	}
	fixture.WantLines(t, logs, "error no credential from the source source=resolver duration=1s error=down failures=1",
		"info the source responds again source=resolver failures=1")
}

// With another secret, it is news whether the source still fails.
func TestAFailureWithAChangedSecretIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "secret")
		WriteFile(t, path, "the first")
		p := MustProject(t, `{"projects":[{"public_key":"changed","source":{"module":"secret_key","keys":["{file.`+path+`}"]}}]}`)
		logs := observe(p, zapcore.InfoLevel)
		p.note(errDown, time.Second, false)
		p.note(errDown, time.Second, false)
		WriteFile(t, path, "the second")
		time.Sleep(FileTime)
		synctest.Wait()
		p.note(errDown, time.Second, false)
		const line = "error no credential from the source source=secret_key duration=1s error=down failures="
		fixture.WantLines(t, logs, line+"1", line+"3")
	})
}

// A source of which another gateway got a credential does not fail, though this gateway
// has not asked it again.
func TestWhatAnotherGatewayGotShowsThatTheSourceResponds(t *testing.T) {
	url, _ := startSigner(t)
	storage := t.TempDir()
	config := `{"module":"resolver","url":"` + url + `"}`
	if err := ask(t, newGateway(t, storage, config, 5*time.Minute).Projects[0]); err != nil {
		t.Fatal(err)
	}
	stored(t, storage, 1)
	p := newGateway(t, storage, config, 6*time.Minute).Projects[0]
	logs := observe(p, zapcore.InfoLevel)
	p.note(errDown, time.Second, false)
	logs.TakeAll()
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	if p.credentials.asked.fails() || p.state() != StateOK {
		t.Errorf("the state is %s", p.state())
	}
	fixture.WantLines(t, logs, "info the source responds again source=resolver failures=1")
}
