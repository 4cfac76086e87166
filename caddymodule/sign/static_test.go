// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
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
			if last := fields[len(fields)-2:]; last[0].value != pair.Signature || last[1].value != strconv.FormatInt(pair.Expire, 10) {
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

// A pair that has expired stops its own project's uploads, and nothing else.
func TestAnExpiredStaticPairLetsOtherProjectsLoad(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"late","source":`+staticJSON(pairFor(-time.Minute))+`},
		{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]}}]}`)
	rec, _ := serve(t, sign, uploadRequest(formOf(demoKey)))
	checkCredential(t, parseForm(t, rec.body), testSecret)
	if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "late")))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	_, err := sign.projects.Of("late").Grantor().Token(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the static credential has expired, at ") || strings.Contains(err.Error(), "signature") {
		t.Errorf("got %v", err)
	}
}

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
