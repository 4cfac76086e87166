// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestBareConfigTakesItsKeysFromTheEnvironment(t *testing.T) {
	t.Setenv("UPLOADCARE_PUBLIC_KEY", "demopublickey")
	t.Setenv("UPLOADCARE_SECRET_KEY", "from the environment")
	rec, _ := serve(t, mustSign(t, `{}`), uploadRequest(formOf(demoKey)))
	checkCredential(t, parseForm(t, rec.body), "from the environment")
}

func TestASourceThatIsDownIsAnsweredWith503(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"scripted_in_test"}}]}`)
	fixture.Loaded("").Return(token.Token{}, errors.New("down"))
	rec, w := serve(t, sign, uploadRequest(formOf(demoKey, file("file", "a", "b"))))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || rec.err == nil {
		t.Errorf("answer %d %q %v", w.Code, w.Body, w.Header())
	}
	// A cancellation of the source's own is no client that left.
	fixture.Loaded("").Return(token.Token{}, context.Canceled)
	if _, w := serve(t, sign, uploadRequest(formOf(demoKey))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a source that cancels: answer %d", w.Code)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, w := serve(t, sign, uploadRequest(formOf(demoKey)).WithContext(left)); w.Code != statusClientClosedRequest {
		t.Errorf("a client that left: answer %d", w.Code)
	}
}

// An upload that lasts longer than the token lives gets one that is fresh when
// it ends (invariant 5).
func TestInvariant5ATokenIsTakenWhenTheLastByteHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * 365 * 24 * time.Hour) // a bubble begins in 2000, when seconds had nine digits
		sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","threshold":"1s","source":{"module":"secret_key","keys":["`+testSecret+`"],"lifetime":"3s"}}]}`)
		serve(t, sign, uploadRequest(formOf(demoKey))) // so that a token is cached
		body := formOf(demoKey, file("file", "cat.jpg", strings.Repeat("meow", 100)))
		r := uploadRequest(body)
		r.Body = &slowBody{data: []byte(body)}
		rec, w := serve(t, sign, r)
		if w.Code != http.StatusOK {
			t.Fatalf("answer %d %q", w.Code, w.Body)
		}
		checkCredential(t, parseForm(t, rec.body), testSecret)
	})
}

// slowBody yields ten bytes a second.
type slowBody struct{ data []byte }

func (s *slowBody) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Second)
	n := copy(p[:min(len(p), 10)], s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *slowBody) Close() error { return nil }
