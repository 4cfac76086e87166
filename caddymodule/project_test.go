// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestProvisionErrorsNameTheOption(t *testing.T) {
	secretKey := func(options string) string {
		return `{"projects":[{"public_key":"p","source":{"module":"secret_key"` + options + `}}]}`
	}
	tests := map[string]struct{ config, want string }{
		"unset public key":       {`{}`, "public key: {env.UPLOADCARE_PUBLIC_KEY} is not set or empty"},
		"unset secret":           {secretKey(""), "secret_key: {env.UPLOADCARE_SECRET_KEY} is not set or empty"},
		"unset variable":         {secretKey(`,"keys":["{env.NOT_SET}"]`), "secret_key: {env.NOT_SET} is not set or empty"},
		"missing file":           {secretKey(`,"keys":["{file./no/such/file}"]`), "secret_key: {file./no/such/file} is not set or empty"},
		"unknown placeholder":    {secretKey(`,"keys":["` + testSecret + `{x}"]`), "secret_key: it holds a placeholder that is unknown or empty"},
		"threshold is lifetime":  {`{"projects":[{"public_key":"p","threshold":"30m","source":{"module":"secret_key","keys":["s"]}}]}`, "threshold: 30m0s is not shorter than the lifetime, 30m0s"},
		"threshold above":        {`{"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"],"lifetime":"5m"}}]}`, "threshold: 10m0s is not shorter than the lifetime, 5m0s"},
		"the same in seconds":    {`{"projects":[{"public_key":"p","threshold":"1s","source":{"module":"secret_key","keys":["s"],"lifetime":"1900ms"}}]}`, "threshold: 1s is not shorter"},
		"negative threshold":     {`{"projects":[{"public_key":"p","threshold":"-1s","source":{"module":"secret_key","keys":["s"]}}]}`, "threshold: -1s is negative"},
		"negative lifetime":      {secretKey(`,"keys":["s"],"lifetime":"-30m"`), "lifetime: -30m0s is not between"},
		"tiny lifetime":          {secretKey(`,"keys":["s"],"lifetime":"10ms"`), "lifetime: 10ms is not between"},
		"endless lifetime":       {secretKey(`,"keys":["s"],"lifetime":"20000h"`), "lifetime: 20000h0m0s is not between"},
		"no public key":          {`{"projects":[{"public_key":"a b","source":{"module":"secret_key","keys":["s"]}}]}`, `public key: "a b" is not one`},
		"long public key":        {`{"projects":[{"public_key":"` + strings.Repeat("k", 65) + `","source":{"module":"secret_key","keys":["s"]}}]}`, "is not one"},
		"two of the same":        {`{"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"]}},{"public_key":"p","source":{"module":"secret_key","keys":["t"]}}]}`, "project p: the public key is there twice"},
		"several without source": {`{"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"]}},{"public_key":"q"}]}`, "project q: no source of credentials"},
		"null":                   {`{"projects":[null]}`, "project 0 is null"},
		"unknown source":         {`{"projects":[{"public_key":"p","source":{"module":"oracle"}}]}`, "unknown module: uploadcare.sources.oracle"},
		"unknown option":         {secretKey(`,"keys":["s"],"lifetme":"30m"`), `unknown field "lifetme"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newSign(t, test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), testSecret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
	if count := countCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

func countCaches() (count int) {
	tokenPool.Range(func(any, any) bool { count++; return true })
	return count
}

func TestBareConfigTakesItsKeysFromTheEnvironment(t *testing.T) {
	t.Setenv("UPLOADCARE_PUBLIC_KEY", "demopublickey")
	t.Setenv("UPLOADCARE_SECRET_KEY", "from the environment")
	rec, _ := serve(t, mustSign(t, `{}`), uploadRequest(formOf(demoKey)))
	checkCredential(t, parseForm(t, rec.body), "from the environment")
}

func TestDefaults(t *testing.T) {
	sign := mustSign(t, onlyProject)
	project := sign.Projects[0]
	if project.threshold != 10*time.Minute || project.source.(*SecretKey).TokenLifetime() != 30*time.Minute {
		t.Errorf("threshold %s, lifetime %s", project.threshold, project.source.(*SecretKey).TokenLifetime())
	}
	zero := mustSign(t, `{"projects":[{"public_key":"p","threshold":0,"source":{"module":"secret_key","keys":["s"]}}]}`)
	if zero.Projects[0].threshold != 0 {
		t.Errorf("a threshold of 0 became %s", zero.Projects[0].threshold)
	}
}

func TestATokenSurvivesAReloadOfTheSameProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := mustSign(t, onlyProject)
		first, err := before.project("demopublickey").Grantor().Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		after := mustSign(t, onlyProject)
		if err := before.Cleanup(); err != nil { // as Caddy does once the new config is up
			t.Fatal(err)
		}
		if again, _ := after.project("demopublickey").Grantor().Token(t.Context()); again != first {
			t.Error("the token was lost")
		}
		// A request of the old config that is still under way.
		if again, err := before.project("demopublickey").Grantor().Token(t.Context()); err != nil || again != first {
			t.Errorf("the old config: %v, %v", again, err)
		}
		for name, config := range map[string]string{
			"secret":     strings.Replace(onlyProject, testSecret, "another", 1),
			"public key": strings.Replace(onlyProject, "demopublickey", "another", 1),
			"lifetime":   strings.Replace(onlyProject, `"module"`, `"lifetime":"31m","module"`, 1),
			"threshold":  strings.Replace(onlyProject, `"source"`, `"threshold":"9m","source"`, 1),
		} {
			changed := mustSign(t, config)
			if other, _ := changed.Projects[0].Grantor().Token(t.Context()); other == first {
				t.Errorf("another %s, but the same token", name)
			}
		}
	})
	if count := countCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

// Invariant 8, in part: the pool's keys do not show what they are made from.
func TestInvariant8CacheKeysDoNotHoldTheSecret(t *testing.T) {
	mustSign(t, onlyProject)
	tokenPool.Range(func(key, _ any) bool {
		if strings.Contains(key.(string), testSecret) {
			t.Errorf("key %s", key)
		}
		return true
	})
}

// failing is a source that is down.
type failing struct{ err error }

func (failing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "uploadcare.sources.failing_in_test", New: func() caddy.Module { return new(failing) }}
}
func (f *failing) Token(context.Context, time.Time) (Token, error) { return Token{}, f.err }
func (*failing) CacheKey() string                                  { return "" }

func init() { caddy.RegisterModule(failing{}) }

func TestASourceThatIsDownIsAnsweredWith503(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"failing_in_test"}}]}`)
	sign.Projects[0].source.(*failing).err = errors.New("down")
	rec, w := serve(t, sign, uploadRequest(formOf(demoKey, file("file", "a", "b"))))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || rec.err == nil {
		t.Errorf("answer %d %q %v", w.Code, w.Body, w.Header())
	}
	// A cancellation of the source's own is no client that left.
	sign.Projects[0].source.(*failing).err = context.Canceled
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
