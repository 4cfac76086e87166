// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// A back end of which one instance has a wrong key costs few uploads, and after a
// rotation they work as soon as the back end has the new key.
func TestABackEndThatHandsOutBadTokensToo(t *testing.T) {
	const uploads = 600
	tests := map[string]struct {
		large   bool
		bad     func(call int) bool
		refused int // at most
	}{
		"every other, small": {false, func(call int) bool { return call%2 == 1 }, 0},
		"every other, large": {true, func(call int) bool { return call%2 == 1 }, 30},
		"at random, small":   {false, randomly(), 130},
		"at random, large":   {true, randomly(), 150},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign, source, _ := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
					secret := goodSecret
					if test.bad(call) {
						secret = otherSecret
					}
					return token.Mint(secret, now, 20*time.Second), nil
				})
				upstream := &service{t: t, secret: goodSecret, takes: 10 * time.Millisecond}
				refused := 0
				for range uploads {
					if upstream.sendOf(test.large)(sign) != "accepted" {
						refused++
					}
					time.Sleep(190 * time.Millisecond)
				}
				if refused > test.refused || source.Calls() > 100 {
					t.Errorf("%d of %d uploads were refused, with %d tokens", refused, uploads, source.Calls())
				}
			})
		})
	}
}

func randomly() func(int) bool {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not a secret
	return func(int) bool { return random.IntN(2) == 0 }
}

// When the project's key has been replaced, and a while later the back end's,
// uploads work soon after that.
func TestABackEndThatIsGivenTheNewKeyLater(t *testing.T) {
	for _, large := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(untilTenDigits)
			secret := otherSecret
			sign, source, _ := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
				return token.Mint(secret, now, time.Hour+time.Duration(call)*time.Second), nil
			})
			upstream := &service{t: t, secret: otherSecret, takes: 10 * time.Millisecond}
			upload := func() string {
				defer time.Sleep(90 * time.Millisecond)
				return upstream.sendOf(large)(sign)
			}
			for range 100 {
				if got := upload(); got != "accepted" {
					t.Error(got)
				}
			}
			upstream.setSecret(goodSecret)
			for range 50 { // five seconds
				upload()
			}
			secret = goodSecret
			began := time.Now()
			for upload() != "accepted" {
				if time.Since(began) > 5*time.Second {
					t.Fatalf("large %t: still rejected", large)
				}
			}
			for range 100 {
				if got := upload(); got != "accepted" {
					t.Error(got)
				}
			}
			if source.Calls() > 6 {
				t.Errorf("%d tokens", source.Calls())
			}
		})
	}
}

// Rejections that a client causes drop no token that others upload with, whether
// or not the back end answers, and do not make it be asked without bound.
func TestRejectionsThatAClientCausesDropNoTokenOfOthers(t *testing.T) {
	for name, answer := range map[string]func(now time.Time) (token.Token, error){
		"the back end answers": func(now time.Time) (token.Token, error) { return token.Mint(goodSecret, now, time.Hour), nil },
		"it is slow": func(now time.Time) (token.Token, error) {
			time.Sleep(4 * time.Second)
			return token.Mint(goodSecret, now, time.Hour), nil
		},
		"it is down":  func(time.Time) (token.Token, error) { return token.Token{}, token.ErrUnreachable },
		"it is wrong": func(time.Time) (token.Token, error) { return token.Token{}, token.ErrExpired },
	} {
		for _, large := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(untilTenDigits)
					sign, source, logs := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
						if call == 1 {
							return token.Mint(goodSecret, now, time.Hour), nil
						}
						return answer(now)
					})
					upstream := &service{t: t, secret: goodSecret, foreign: foreignMark, takes: 20 * time.Millisecond}
					if got := upstream.upload(sign); got != "accepted" {
						t.Fatal(got)
					}
					stop := upstream.attack(sign, 3, 1000, 200*time.Millisecond)
					for range 600 {
						began := time.Now()
						if got := upstream.sendOf(large)(sign); got != "accepted" || time.Since(began) > 1100*time.Millisecond {
							t.Errorf("%s after %s", got, time.Since(began))
						}
						time.Sleep(500 * time.Millisecond)
					}
					stop()
					if source.Calls() > 30 {
						t.Errorf("the back end was asked %d times in five minutes", source.Calls())
					}
					if said := strings.Join(operatorLog(logs), "\n"); strings.Contains(said, notTaken) {
						t.Errorf("the operator is told:\n%s", said)
					}
					time.Sleep(time.Minute)
				})
			})
		}
	}
}
