// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// The documents' first configuration: one signature, made beforehand.
func TestAStaticPairIsUsedAsItIsUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		pair := fixture.PairFor(2 * time.Hour)
		sign := mustSign(t, fixture.Project(fixture.Static(pair)))
		for range 119 {
			rec, w := serve(t, sign, uploadRequest(formOf(demoKey, file("file", "a", "b"))))
			if w.Code != http.StatusOK {
				t.Fatalf("response %d %q", w.Code, w.Body)
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
			t.Errorf("when it has expired: response %d %q %v", w.Code, w.Body, w.Header())
		}
	})
}

// A pair that has expired stops its own project's uploads, and nothing else.
func TestAnExpiredStaticPairLetsOtherProjectsLoad(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"late","source":`+fixture.Static(fixture.PairFor(-time.Minute))+`},
		{"public_key":"demopublickey","source":{"module":"secret_key","keys":["`+testSecret+`"]}}]}`)
	logs := observeAll(sign)
	rec, _ := serve(t, sign, uploadRequest(formOf(demoKey)))
	checkCredential(t, parseForm(t, rec.body), testSecret)
	if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "late")))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
	refused := logs.FilterMessage("upload refused").All()
	if len(refused) != 1 {
		t.Fatalf("%d uploads were refused", len(refused))
	}
	if cause := fmt.Sprint(refused[0].ContextMap()["cause"]); !strings.Contains(cause, "the static credential has expired, at ") || strings.Contains(cause, "signature") {
		t.Errorf("got %s", cause)
	}
}

func TestUnmarshalStatic(t *testing.T) {
	const pair = fixture.Signature + " 1678361640"
	for name, test := range map[string]struct{ caddyfile, want string }{
		"no argument":       {"static", "static takes two arguments"},
		"no expiry":         {"static " + fixture.Signature, "static takes two arguments"},
		"an empty one":      {`static "" 1678361640`, "static takes two arguments"},
		"a third argument":  {"static " + pair + " 1", "static takes two arguments"},
		"a block":           {"static " + pair + " {\n x\n }", "static takes no block"},
		"MD5":               {"static " + fixture.Signature[:32] + " 1678361640", "old MD5 scheme"},
		"milliseconds":      {"static " + pair + "000", "looks like milliseconds"},
		"twice":             {"static " + pair + "\n static " + pair, "the project has a source of credentials already, static"},
		"beside secret_key": {"static " + pair + "\n secret_key s", "the project has a source of credentials already, secret_key, which cannot fail"},
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
