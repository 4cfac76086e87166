// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// limited is a next handler that takes each access token so many times.
type limited struct {
	operations int
	used       map[string]int
	said       []string
}

func (l *limited) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return err
	}
	if l.used == nil {
		l.used = make(map[string]int)
	}
	bearer := r.Header.Get("Authorization")
	if l.used[bearer] >= l.operations {
		l.said = append(l.said, "exhausted")
		uploadapi.ErrOperationsLimit.Write(w, r)
		return nil
	}
	l.used[bearer]++
	l.said = append(l.said, "accepted")
	w.Header().Set("Content-Type", "application/json")
	_, err := io.WriteString(w, `{"file":"bba1e8bc-3c69-4b3d-a9f6-f2ea4ee4ab45"}`)
	return err
}

func (l *limited) upload(t *testing.T, sign *Sign) int {
	t.Helper()
	return serveBy(t, sign, uploadRequest(formOf(demoKey)), l.ServeHTTP).Code
}

// A resolver's access token that is used up makes way for the next, however soon
// that is; one that was never good for anything does so once a minute.
func TestAnAccessTokenThatIsUsedUpIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"scripted_in_test"}}]}`)
		source, logs := fixture.Loaded(""), observeAll(sign)
		source.Script(func(call int, now time.Time) (token.Token, error) {
			return token.MintAccessToken(goodSecret, now, time.Hour+time.Duration(call)*time.Second, []string{"/base/"}, 2)
		})
		upstream := &limited{operations: 2}
		for range 20 {
			if status := upstream.upload(t, sign); status != http.StatusOK {
				t.Errorf("answer %d", status)
			}
			time.Sleep(time.Second)
		}
		if source.Calls() != 10 || len(upstream.said) != 29 {
			t.Errorf("the source was asked %d times, the service said %v", source.Calls(), upstream.said)
		}
		wantSaid(t, "the operator is told", operatorLog(logs), notTaken+"exhausted")

		upstream.operations, upstream.said = 0, nil
		for range 5 {
			if status := upstream.upload(t, sign); status != http.StatusForbidden {
				t.Errorf("answer %d", status)
			}
		}
		if source.Calls() != 11 || len(upstream.said) != 6 {
			t.Errorf("the source was asked %d times, the service said %v", source.Calls(), upstream.said)
		}
	})
}

// An access token that was made for one upload alone allows no more the next
// time, and part of the upload may be there already.
func TestAnUploadThatNeedsTooManyOperationsIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, strings.Replace(schemeTokenProject, `"module"`, `"operations":1,"module"`, 1))
		logs, upstream := observeAll(sign), new(limited)
		for operations, want := range []int{http.StatusForbidden, http.StatusOK, http.StatusForbidden} {
			upstream.operations = operations % 2
			if status := upstream.upload(t, sign); status != want {
				t.Errorf("answer %d, want %d", status, want)
			}
			time.Sleep(time.Second)
		}
		wantSaid(t, "the service said", upstream.said, "exhausted", "accepted", "exhausted")
		wantSaid(t, "the operator is told", operatorLog(logs), notTaken+"exhausted")
		time.Sleep(10 * time.Minute)
		upstream.upload(t, sign)
		wantSaid(t, "the operator is told", operatorLog(logs), notTaken+"exhausted", notTaken+"exhausted")
	})
}
