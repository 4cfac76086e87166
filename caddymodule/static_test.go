// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	canarySignature = "ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a57ca7a"
	// bubbleAge is slept through first: a bubble begins in 2000, when Unix
	// seconds had nine digits.
	bubbleAge = 2 * 365 * 24 * time.Hour
)

// staticJSON returns the source for a pair.
func staticJSON(pair Token) string {
	return fmt.Sprintf(`{"module":"static","signature":"%s","expire":"%d"}`, pair.Signature, pair.Expire)
}

func staticConfig(source string) string {
	return `{"projects":[{"public_key":"demopublickey","source":` + source + `}]}`
}

// pairFor returns a pair that expires after a while.
func pairFor(lifetime time.Duration) Token {
	pair := token.Mint(testSecret, time.Now(), lifetime)
	pair.Issued = 0
	return pair
}

// The documents' first configuration: one signature, made beforehand.
func TestAStaticPairIsUsedAsItIsUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		pair := pairFor(2 * time.Hour)
		sign := mustSign(t, staticConfig(staticJSON(pair)))
		for range 119 {
			rec, w := serve(t, sign, uploadRequest(formOf(demoKey, file("file", "a", "b"))))
			if w.Code != http.StatusOK {
				t.Fatalf("answer %d %q", w.Code, w.Body)
			}
			fields := parseForm(t, rec.body)
			if last := fields[len(fields)-2:]; last[0].value != pair.Signature || last[1].value != expireOf(pair) {
				t.Fatalf("signed with %v", last)
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		rec, w := serve(t, sign, uploadRequest(formOf(demoKey, file("file", "a", "b"))))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || rec.err == nil {
			t.Errorf("when it has expired: answer %d %q %v", w.Code, w.Body, w.Header())
		}
	})
}

// The threshold is when to warn, not when to stop: there is no other pair.
func TestAStaticPairWithinItsThresholdIsNotAskedForPerUpload(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Hour, 10 * time.Minute, 9 * time.Minute, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(bubbleAge)
			pair := pairFor(lifetime)
			project := mustSign(t, staticConfig(staticJSON(pair))).Projects[0]
			var asked atomic.Int32
			ask := project.ask
			project.ask = func(ctx context.Context, asking token.Asking) (Token, error) {
				asked.Add(1)
				return ask(ctx, asking)
			}
			uploads := 0
			for ; time.Now().Unix() < pair.Expire; uploads++ {
				granted, err := project.Grantor().Token(t.Context())
				if err != nil || granted.Signature != pair.Signature || granted.Expire != pair.Expire {
					t.Fatalf("%s: %ds before its expiry: got %v, %v", lifetime, pair.Expire-time.Now().Unix(), granted, err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if asked.Load() > 40 {
				t.Errorf("%s: asked %d times for %d uploads", lifetime, asked.Load(), uploads)
			}
			if _, err := project.Grantor().Token(t.Context()); !errors.Is(err, errStaticExpired) {
				t.Errorf("%s: when it has expired: %v", lifetime, err)
			}
			synctest.Wait()
		})
	}
}

func TestAStaticPairThatIsNoneIsALoadErrorWithAHint(t *testing.T) {
	t.Setenv("PAIR_SIGNATURE", canarySignature)
	source := func(signature, expire string) string {
		return fmt.Sprintf(`{"module":"static","signature":"%s","expire":"%s"}`, signature, expire)
	}
	tests := map[string]struct{ source, want string }{
		"no signature":          {`{"module":"static","expire":"1678361640"}`, "static signature is empty"},
		"no expiry":             {`{"module":"static","signature":"` + canarySignature + `"}`, "static expire is empty"},
		"an unset variable":     {source("{env.NOT_SET}", "1678361640"), "static signature: {env.NOT_SET} is not set or empty"},
		"a missing file":        {source(canarySignature, "{file./no/such/file}"), "static expire: {file./no/such/file} is not set or empty"},
		"too short":             {source(canarySignature[:63], "1678361640"), "64 hexadecimal digits"},
		"MD5":                   {source(canarySignature[:32], "1678361640"), "old MD5 scheme: it must be an HMAC-SHA256"},
		"capitals":              {source(strings.ToUpper(canarySignature), "1678361640"), "lower case"},
		"a line break":          {source(canarySignature+`\r\n`, "1678361640"), "64 hexadecimal digits"},
		"a line feed in a file": {source("{env.PAIR_SIGNATURE}", `1678361640\n`), "not Unix time in 10 digits"},
		"milliseconds":          {source("{env.PAIR_SIGNATURE}", "1678361640000"), "looks like milliseconds: it must be in seconds"},
		"a date":                {source(canarySignature, "2026-11-21"), "not Unix time in 10 digits"},
		"a leading zero":        {source(canarySignature, "0678361640"), "not Unix time in 10 digits"},
		"a number":              {`{"module":"static","signature":"` + canarySignature + `","expire":1678361640}`, "cannot unmarshal number"},
		"a typo":                {`{"module":"static","signatur":"x"}`, `unknown field "signatur"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newSign(t, staticConfig(test.source))
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
	if count := countCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

// A pair that has expired stops its own project's uploads, and nothing else.
func TestAnExpiredStaticPairLetsOtherProjectsLoad(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"late","source":`+staticJSON(pairFor(-time.Minute))+`},
		{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]}}]}`)
	rec, _ := serve(t, sign, uploadRequest(formOf(demoKey)))
	checkCredential(t, parseForm(t, rec.body), testSecret)
	if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "late")))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	_, err := sign.project("late").source.Token(t.Context(), time.Now())
	if !errors.Is(err, errStaticExpired) || strings.Contains(err.Error(), "signature") {
		t.Errorf("got %v", err)
	}
}

// The files of a pair are written one after the other; what is between is not
// used, and what is no pair never is.
func TestAStaticPairInFilesIsReplacedWithoutAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		dir := t.TempDir()
		signature, expire := filepath.Join(dir, "signature"), filepath.Join(dir, "expire")
		first, second := pairFor(time.Hour), pairFor(2*time.Hour)
		writeFile(t, signature, first.Signature+"\n")
		writeFile(t, expire, expireOf(first)+"\n")
		project := mustSign(t, staticConfig(`{"module":"static","signature":"{file.`+signature+`}","expire":"{file.`+expire+`}"}`)).Projects[0]
		check := func(when string, want Token) {
			t.Helper()
			granted, err := project.Grantor().Token(t.Context())
			if granted.Issued = 0; err != nil || granted != want {
				t.Errorf("%s: got %v, %v", when, granted, err)
			}
		}
		check("at first", first)
		writeFile(t, signature, second.Signature)
		for range 3 {
			time.Sleep(time.Second)
			check("between the writes", first)
		}
		writeFile(t, expire, expireOf(second))
		time.Sleep(fileInterval + settleTime)
		synctest.Wait()
		check("after both", second)
		for _, spoilt := range []string{"", "secret", canarySignature[:32]} {
			writeFile(t, signature, spoilt)
			time.Sleep(fileInterval + settleTime)
			synctest.Wait()
			check("spoilt", second)
		}
		// One that has expired is replaced as well, at once and for uploads that
		// have been turned away.
		time.Sleep(3 * time.Hour)
		if granted, err := project.Grantor().Token(t.Context()); err == nil {
			t.Errorf("got %v when it had expired", granted)
		}
		third := pairFor(time.Hour)
		writeFile(t, signature, third.Signature)
		writeFile(t, expire, expireOf(third))
		time.Sleep(fileInterval + settleTime)
		synctest.Wait()
		check("afterwards", third)
	})
}

func TestStaticAndSchemeTokenIsALoadError(t *testing.T) {
	for name, config := range map[string]string{
		"source":   `"source":` + staticJSON(pairFor(time.Hour)),
		"fallback": `"source":{"module":"failing_in_test"},"fallback":` + staticJSON(pairFor(time.Hour)),
	} {
		_, err := newSign(t, `{"projects":[{"public_key":"p","scheme":"token",`+config+`}]}`)
		if err == nil || !strings.Contains(err.Error(), "static: a signature is no credential of scheme token") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Another live source would be asked for each upload while the first fails.
func TestALiveSourceAsFallbackIsALoadError(t *testing.T) {
	for _, fallback := range []string{`{"module":"resolver","url":"https://app/"}`, `{"module":"secret_key","keys":["` + testSecret + `"]}`} {
		_, err := newSign(t, `{"projects":[{"public_key":"p","source":{"module":"resolver","url":"https://app/"},"fallback":`+fallback+`}]}`)
		if err == nil || !strings.Contains(err.Error(), "cannot stand in for another source: static can") {
			t.Errorf("%s: got %v", fallback, err)
		}
	}
	if count := countCaches(); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

// The documents' third configuration: a live source wins, and the pair stands in
// while it fails and nothing of it is left.
func TestAStaticFallbackServesOnlyWhileTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		pair := pairFor(3 * time.Hour)
		sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"failing_in_test"},"fallback":`+staticJSON(pair)+`}]}`)
		project := sign.Projects[0]
		source := &turning{}
		project.ask = project.askSource(source)
		got := func() (Token, error) {
			granted, err := project.Grantor().Token(t.Context())
			granted.Issued = 0
			synctest.Wait()
			return granted, err
		}
		live := pairFor(time.Hour)
		source.turn(live, nil)
		if granted, err := got(); err != nil || granted != live {
			t.Errorf("while the source answers: %v, %v", granted, err)
		}
		source.turn(Token{}, errors.New("down"))
		time.Sleep(59 * time.Minute)
		if granted, err := got(); err != nil || granted != live {
			t.Errorf("while its token is valid: %v, %v", granted, err)
		}
		time.Sleep(time.Minute)
		for range 10 {
			if granted, err := got(); err != nil || granted != pair {
				t.Errorf("while the source fails: %v, %v", granted, err)
			}
			time.Sleep(time.Minute)
		}
		source.turn(Token{}, ErrRefused)
		time.Sleep(2 * time.Minute)
		if granted, err := got(); !errors.Is(err, ErrRefused) {
			t.Errorf("when the source refuses: %v, %v", granted, err)
		}
		source.turn(Token{}, errors.New("down"))
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
		time.Sleep(bubbleAge)
		pair := pairFor(10 * time.Minute)
		sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"failing_in_test"},"fallback":`+staticJSON(pair)+`}]}`)
		project := sign.Projects[0]
		source := &turning{}
		answer := func() (Token, error) {
			time.Sleep(5 * time.Second)
			return Token{}, ErrUnreachable
		}
		source.answer.Store(&answer)
		project.ask = project.askSource(source)
		for range 100 {
			began := time.Now()
			granted, err := project.Grantor().Token(t.Context())
			if granted.Issued = 0; err != nil || granted != pair || time.Since(began) > time.Second {
				t.Errorf("%v, %v, after %s", granted, err, time.Since(began))
			}
			time.Sleep(700 * time.Millisecond)
		}
		time.Sleep(20 * time.Minute)
		began := time.Now()
		var unavailable *token.UnavailableError
		if _, err := project.Grantor().Token(t.Context()); !errors.As(err, &unavailable) || !errors.Is(err, ErrUnreachable) || time.Since(began) != 5*time.Second {
			t.Errorf("when the pair has expired: %v after %s", err, time.Since(began))
		}
	})
}

// turning is a source that changes its mind.
type turning struct {
	failing
	answer atomic.Pointer[func() (Token, error)]
}

func (s *turning) turn(granted Token, err error) {
	answer := func() (Token, error) { return granted, err }
	s.answer.Store(&answer)
}

func (s *turning) Token(context.Context, time.Time) (Token, error) { return (*s.answer.Load())() }

func TestUnmarshalStatic(t *testing.T) {
	const pair = canarySignature + " 1678361640"
	for name, test := range map[string]struct{ caddyfile, want string }{
		"no argument":       {"static", "static takes two arguments"},
		"no expiry":         {"static " + canarySignature, "static takes two arguments"},
		"an empty one":      {`static "" 1678361640`, "static takes two arguments"},
		"a third argument":  {"static " + pair + " 1", "static takes two arguments"},
		"a block":           {"static " + pair + " {\n x\n }", "static takes no block"},
		"MD5":               {"static " + canarySignature[:32] + " 1678361640", "old MD5 scheme"},
		"milliseconds":      {"static " + pair + "000", "looks like milliseconds"},
		"twice":             {"static " + pair + "\n static " + pair, "the project has a source of credentials already, static"},
		"beside secret_key": {"static " + pair + "\n secret_key s", "the project has a source of credentials already, secret_key, which asks nobody"},
		"with a lifetime":   {"static " + pair + "\n lifetime 1h", "lifetime is an option of secret_key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unmarshalSign("uploadcare_sign {\n " + test.caddyfile + "\n}")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "Testfile:") {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if strings.Contains(err.Error(), "ca7a57") || strings.Contains(err.Error(), "1678361640") {
				t.Errorf("the error shows the value: %v", err)
			}
		})
	}
}
