// SPDX-License-Identifier: Apache-2.0

package project_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// The threshold is when to warn, not when to stop: there is no other pair.
func TestAStaticPairWithinItsThresholdIsNotAskedForPerUpload(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Hour, 10 * time.Minute, 9 * time.Minute, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(fixture.UntilTenDigits)
			pair := fixture.PairFor(lifetime)
			p := project.MustProject(t, fixture.Project(fixture.Static(pair)))
			const asked = `caddy_uploadcare_token_requests_total{outcome="ok",project="demopublickey",source="static"}`
			before, _ := project.Reported.Value(t, asked)
			uploads := 0
			for ; time.Now().Unix() < pair.Expire; uploads++ {
				granted, err := project.GrantorOf(p).Token(t.Context())
				if err != nil || granted.Signature != pair.Signature || granted.Expire != pair.Expire {
					t.Fatalf("%s: %ds before its expiry: got %v, %v", lifetime, pair.Expire-time.Now().Unix(), granted, err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if after, _ := project.Reported.Value(t, asked); after <= before || after-before > 40 {
				t.Errorf("%s: asked %v times for %d uploads", lifetime, after-before, uploads)
			}
			if _, err := project.GrantorOf(p).Token(t.Context()); !strings.Contains(fmt.Sprint(err), "the static credential has expired, at ") {
				t.Errorf("%s: when it has expired: %v", lifetime, err)
			}
			synctest.Wait()
		})
	}
}

func TestAStaticPairThatIsNoneIsALoadErrorWithAHint(t *testing.T) {
	t.Setenv("PAIR_SIGNATURE", fixture.Signature)
	source := func(signature, expire string) string {
		return fmt.Sprintf(`{"module":"static","signature":"%s","expire":"%s"}`, signature, expire)
	}
	tests := map[string]struct{ source, want string }{
		"no signature":          {`{"module":"static","expire":"1678361640"}`, "static signature is empty"},
		"no expiry":             {`{"module":"static","signature":"` + fixture.Signature + `"}`, "static expire is empty"},
		"an unset variable":     {source("{env.NOT_SET}", "1678361640"), "static signature: {env.NOT_SET} is not set or empty"},
		"a missing file":        {source(fixture.Signature, "{file./no/such/file}"), "static expire: {file./no/such/file}: there is no such file"},
		"too short":             {source(fixture.Signature[:63], "1678361640"), "64 hexadecimal digits"},
		"MD5":                   {source(fixture.Signature[:32], "1678361640"), "old MD5 scheme: it must be an HMAC-SHA256"},
		"capitals":              {source(strings.ToUpper(fixture.Signature), "1678361640"), "lower case"},
		"a line break":          {source(fixture.Signature+`\r\n`, "1678361640"), "64 hexadecimal digits"},
		"a line feed in a file": {source("{env.PAIR_SIGNATURE}", `1678361640\n`), "not Unix time in 10 digits"},
		"milliseconds":          {source("{env.PAIR_SIGNATURE}", "1678361640000"), "looks like milliseconds: it must be in seconds"},
		"a date":                {source(fixture.Signature, "2026-11-21"), "not Unix time in 10 digits"},
		"a leading zero":        {source(fixture.Signature, "0678361640"), "not Unix time in 10 digits"},
		"a number":              {`{"module":"static","signature":"` + fixture.Signature + `","expire":1678361640}`, "cannot unmarshal number"},
		"a typo":                {`{"module":"static","signatur":"x"}`, `unknown field "signatur"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := project.NewProjects(t, fixture.Project(test.source))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			for _, value := range []string{"ca7a57", "CA7A57", "678361640", "2026-11"} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("the error shows the value: %v", err)
				}
			}
		})
	}
	if count := project.CountCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

// The files of a pair are written one after the other; what is between is not
// used, and what is no pair never is.
func TestAStaticPairInFilesIsReplacedWithoutAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		dir := t.TempDir()
		signature, expire := filepath.Join(dir, "signature"), filepath.Join(dir, "expire")
		first, second := fixture.PairFor(time.Hour), fixture.PairFor(2*time.Hour)
		project.WriteFile(t, signature, first.Signature+"\n")
		project.WriteFile(t, expire, project.ExpireOf(first)+"\n")
		p := project.MustProject(t, fixture.Project(`{"module":"static","signature":"{file.`+signature+`}","expire":"{file.`+expire+`}"}`))
		check := func(when string, want token.Token) {
			t.Helper()
			granted, err := project.GrantorOf(p).Token(t.Context())
			if granted.Issued = 0; err != nil || granted != want {
				t.Errorf("%s: got %v, %v", when, granted, err)
			}
		}
		check("at first", first)
		project.WriteFile(t, signature, second.Signature)
		for range 3 {
			time.Sleep(time.Second)
			check("between the writes", first)
		}
		project.WriteFile(t, expire, project.ExpireOf(second))
		time.Sleep(project.FileTime)
		synctest.Wait()
		check("after both", second)
		for _, spoilt := range []string{"", "secret", fixture.Signature[:32]} {
			project.WriteFile(t, signature, spoilt)
			time.Sleep(project.FileTime)
			synctest.Wait()
			check("spoilt", second)
		}
		// One that has expired is replaced as well, at once and for uploads that
		// have been turned away.
		time.Sleep(3 * time.Hour)
		if granted, err := project.GrantorOf(p).Token(t.Context()); err == nil {
			t.Errorf("got %v when it had expired", granted)
		}
		third := fixture.PairFor(time.Hour)
		project.WriteFile(t, signature, third.Signature)
		project.WriteFile(t, expire, project.ExpireOf(third))
		time.Sleep(project.FileTime)
		synctest.Wait()
		check("afterwards", third)
	})
}

func TestStaticAndSchemeTokenIsALoadError(t *testing.T) {
	for name, config := range map[string]string{
		"source":   `"source":` + fixture.Static(fixture.PairFor(time.Hour)),
		"fallback": `"source":{"module":"scripted_in_test"},"fallback":` + fixture.Static(fixture.PairFor(time.Hour)),
	} {
		_, err := project.NewProjects(t, `{"projects":[{"public_key":"p","scheme":"token",`+config+`}]}`)
		if err == nil || !strings.Contains(err.Error(), "static: a signature is no credential of scheme token") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Another live source would be asked for each upload while the first fails.
func TestALiveSourceAsFallbackIsALoadError(t *testing.T) {
	for _, fallback := range []string{`{"module":"resolver","url":"https://app/"}`, `{"module":"secret_key","keys":["` + fixture.Secret + `"]}`} {
		_, err := project.NewProjects(t, `{"projects":[{"public_key":"p","source":{"module":"resolver","url":"https://app/"},"fallback":`+fallback+`}]}`)
		if err == nil || !strings.Contains(err.Error(), "cannot stand in for another source: static can") {
			t.Errorf("%s: got %v", fallback, err)
		}
	}
	if count := project.CountCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

// The documents' third configuration: a live source wins, and the pair stands in
// while it fails and nothing of it is left.
func TestAStaticFallbackServesOnlyWhileTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		pair := fixture.PairFor(3 * time.Hour)
		p := project.MustProject(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"scripted_in_test"},"fallback":`+fixture.Static(pair)+`}]}`)
		live := fixture.Loaded("")
		got := func() (token.Token, error) {
			granted, err := project.GrantorOf(p).Token(t.Context())
			granted.Issued = 0
			synctest.Wait()
			return granted, err
		}
		fresh := fixture.PairFor(time.Hour)
		live.Return(fresh, nil)
		if granted, err := got(); err != nil || granted != fresh {
			t.Errorf("while the source responds: %v, %v", granted, err)
		}
		live.Return(token.Token{}, errors.New("down"))
		time.Sleep(59 * time.Minute)
		if granted, err := got(); err != nil || granted != fresh {
			t.Errorf("while its token is valid: %v, %v", granted, err)
		}
		time.Sleep(time.Minute)
		for range 10 {
			if granted, err := got(); err != nil || granted != pair {
				t.Errorf("while the source fails: %v, %v", granted, err)
			}
			time.Sleep(time.Minute)
		}
		live.Return(token.Token{}, token.ErrRefused)
		time.Sleep(2 * time.Minute)
		if granted, err := got(); !errors.Is(err, token.ErrRefused) {
			t.Errorf("when the source refuses: %v, %v", granted, err)
		}
		live.Return(token.Token{}, errors.New("down"))
		time.Sleep(2 * time.Hour) // past the pair's own expiry
		var unavailable *token.UnavailableError
		if granted, err := got(); !errors.As(err, &unavailable) {
			t.Errorf("when the pair has expired: %v, %v", granted, err)
		}
	})
}

// A source that hangs is waited for no longer than a second beside a pair that
// is valid, and beside one that has expired for as long as it takes.
func TestAStaticFallbackServesWhileTheSourceHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		pair := fixture.PairFor(10 * time.Minute)
		p := project.MustProject(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"scripted_in_test"},"fallback":`+fixture.Static(pair)+`}]}`)
		fixture.Loaded("").Script(func(int, time.Time) (token.Token, error) {
			time.Sleep(5 * time.Second)
			return token.Token{}, token.ErrUnreachable
		})
		for range 100 {
			began := time.Now()
			granted, err := project.GrantorOf(p).Token(t.Context())
			if granted.Issued = 0; err != nil || granted != pair || time.Since(began) > time.Second {
				t.Errorf("%v, %v, after %s", granted, err, time.Since(began))
			}
			time.Sleep(700 * time.Millisecond)
		}
		time.Sleep(20 * time.Minute)
		began := time.Now()
		var unavailable *token.UnavailableError
		if _, err := project.GrantorOf(p).Token(t.Context()); !errors.As(err, &unavailable) || !errors.Is(err, token.ErrUnreachable) || time.Since(began) != 5*time.Second {
			t.Errorf("when the pair has expired: %v after %s", err, time.Since(began))
		}
	})
}
