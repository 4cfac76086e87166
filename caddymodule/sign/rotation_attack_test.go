// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// foreignMark is in the forms of attackers, which the service always rejects.
const foreignMark = "for another project"

// foreignUpload sends what is rejected with any key, from an address.
func (s *service) foreignUpload(sign *Sign, address string, size int) {
	r := uploadRequest(formOf(demoKey, file("file", "cat.jpg", foreignMark+strings.Repeat("-", size))))
	if address != "" {
		r.RemoteAddr = address
	}
	if w := s.send(sign, r); w.Code == 200 {
		s.t.Error("an attacker's upload was accepted")
	}
}

// attack has so many clients send what is rejected, one after the other without
// a pause, until the function that it returns is called.
func (s *service) attack(sign *Sign, attackers, size int, pause time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	for attacker := range attackers {
		all.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(pause) {
				s.foreignUpload(sign, fmt.Sprintf("198.51.100.%d:1234", attacker), size)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// sendOf returns what sends a small or a large upload.
func (s *service) sendOf(large bool) func(*Sign) string {
	if large {
		return s.large
	}
	return s.upload
}

func errorsIn(logs *observer.ObservedLogs) int {
	return logs.Filter(func(entry observer.LoggedEntry) bool { return entry.Level >= zapcore.ErrorLevel }).Len()
}

func manyKeys(number int) (keys []string) {
	for i := range number {
		keys = append(keys, fmt.Sprintf("canary-%d", i+1))
	}
	return keys
}

// A client can always cause rejections. They make no upload of others fail, turn
// no rotation, and write no error into the log, whichever upload is faster.
func TestRejectionsThatAClientCausesHarmNoOtherClient(t *testing.T) {
	number := 0
	for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
		for _, keys := range []int{1, 2, 3} {
			for _, attackers := range []int{1, 3} {
				for _, large := range []bool{false, true} {
					for size, pause := range map[int]time.Duration{10: 0, maxKeptSize + 10: 0, 1000: 190 * time.Millisecond} {
						if number++; !rawtest.IsSampled(number) {
							continue
						}
						t.Run(fmt.Sprintf("%s/%d keys/%d attackers of %d bytes/large %t", scheme, keys, attackers, size, large), func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) {
								time.Sleep(untilTenDigits)
								sign := mustSign(t, withKeys(scheme, manyKeys(keys)...))
								logs := observeAll(sign)
								upstream := &service{t: t, secret: "canary-1", foreign: foreignMark, takes: 50 * time.Millisecond}
								stop := upstream.attack(sign, attackers, size, pause)
								for i := range 200 {
									if got := upstream.sendOf(large)(sign); got != "accepted" {
										t.Errorf("upload %d: %s", i, got)
									}
									time.Sleep(time.Duration(i%10) * 30 * time.Millisecond)
								}
								stop()
								if number := errorsIn(logs); number != 0 {
									t.Errorf("%d errors:\n%s", number, strings.Join(operatorLog(logs), "\n"))
								}
								upstream.wantKey(sign, 0, manyKeys(keys)...)
							})
						})
					}
				}
			}
		}
	}
}

// On a gateway where others upload so rarely that nothing is accepted for minutes,
// they harm no other client either: neither streams, of which nothing can be sent again, nor
// what can.
func TestRejectionsHarmNoOtherClientOnAQuietGateway(t *testing.T) {
	number := 0
	for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
		for _, keys := range []int{2, 3} {
			for _, attackers := range []int{1, 3} {
				if scheme == source.SchemeToken && (attackers != 1 || keys != 2) {
					continue // which makes no difference
				}
				for _, large := range []bool{false, true} {
					for _, size := range []int{10, maxKeptSize + 10} {
						if number++; !rawtest.IsSampled(number) {
							continue
						}
						t.Run(fmt.Sprintf("%s/%d keys/%d attackers of %d bytes/large %t", scheme, keys, attackers, size, large), func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) {
								time.Sleep(untilTenDigits)
								sign := mustSign(t, withKeys(scheme, manyKeys(keys)...))
								upstream := &service{t: t, secret: "canary-1", foreign: foreignMark, takes: 50 * time.Millisecond}
								stop := upstream.attack(sign, attackers, size, 41*time.Second)
								for i := range 200 {
									time.Sleep(time.Duration(62+i%7*37) * time.Second)
									if got := upstream.sendOf(large)(sign); got != "accepted" {
										t.Errorf("upload %d: %s", i, got)
									}
								}
								stop()
								upstream.wantKey(sign, 0, manyKeys(keys)...)
							})
						})
					}
				}
			}
		}
	}
}

// A stranger's form costs no other client an upload, also if all clients have one address,
// as behind a balancer, and the next one comes after a minute.
func TestAStrangersFormCostsNoOtherClientAnUpload(t *testing.T) {
	for _, keys := range []int{2, 3} {
		for _, large := range []bool{false, true} {
			for _, size := range []int{10, maxKeptSize + 10} {
				t.Run(fmt.Sprintf("%d keys/of %d bytes/large %t", keys, size, large), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						time.Sleep(untilTenDigits)
						sign := mustSign(t, withKeys(source.SchemeSignature, manyKeys(keys)...))
						logs := observeAll(sign)
						upstream := &service{t: t, secret: "canary-1", foreign: foreignMark}
						for i := range 200 {
							upstream.foreignUpload(sign, "", size)
							time.Sleep(62 * time.Second)
							if got := upstream.sendOf(large)(sign); got != "accepted" {
								t.Errorf("upload %d: %s", i, got)
							}
						}
						if number := errorsIn(logs); number != 0 {
							t.Errorf("%d errors:\n%s", number, strings.Join(operatorLog(logs), "\n"))
						}
					})
				})
			}
		}
	}
}

// A key is replaced in the project after it was added here, or before that: then
// the new one stands here as the first. Small uploads go on without one that
// fails, and large ones within two minutes, whether or not others' are rejected
// meanwhile.
func TestARotationHealsInBothOrders(t *testing.T) {
	const old, fresh = "canary-of-the-old", "canary-of-the-new"
	number := 0
	for order, keys := range map[string][]string{
		"the new one last":     {old, fresh},
		"the new one first":    {fresh, old},
		"between two that are": {"canary-of-another", old, fresh},
	} {
		for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
			for _, large := range []bool{false, true} {
				for _, attackers := range []int{0, 1, 3} {
					for _, size := range []int{1000, maxKeptSize + 10} {
						if size > maxKeptSize && (attackers != 3 || scheme == source.SchemeToken) {
							continue // which makes no difference
						}
						if number++; !rawtest.IsSampled(number) {
							continue
						}
						t.Run(fmt.Sprintf("%s/%s/large %t/%d attackers of %d bytes", order, scheme, large, attackers, size), func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) {
								time.Sleep(untilTenDigits)
								sign := mustSign(t, withKeys(scheme, keys...))
								logs := observeAll(sign)
								upstream := &service{t: t, secret: old, foreign: foreignMark, takes: 20 * time.Millisecond}
								stop := upstream.attack(sign, attackers, size, 700*time.Millisecond)
								for _, secret := range []string{old, fresh, old} {
									upstream.setSecret(secret)
									upstream.wantHealing(sign, large, slices.Index(keys, secret), keys)
								}
								stop()
								if number := errorsIn(logs); number != 0 {
									t.Errorf("%d errors:\n%s", number, strings.Join(operatorLog(logs), "\n"))
								}
							})
						})
					}
				}
			}
		}
	}
}

// wantHealing uploads for three minutes and checks when uploads are accepted, and
// which key signs in the end.
func (s *service) wantHealing(sign *Sign, large bool, key int, keys []string) {
	s.t.Helper()
	healed := time.Now().Add(2 * time.Minute)
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if got := s.sendOf(large)(sign); got != "accepted" && (!large || time.Now().After(healed)) {
			s.t.Errorf("%s before the end: %s", time.Until(end), got)
		}
	}
	s.wantKey(sign, key, keys...)
}

// wantKey checks which of a project's secret keys signs an upload that is accepted.
func (s *service) wantKey(sign *Sign, key int, keys ...string) {
	s.t.Helper()
	if got := s.upload(sign); got != "accepted" {
		s.t.Error(got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.arrivals[len(s.arrivals)-1]
	for i := len(s.arrivals) - 1; last.refusal != nil; i-- { // an attacker's
		last = s.arrivals[i]
	}
	if signer := slices.IndexFunc(keys, func(secret string) bool { return token.IsMadeWith(secret, last.credential(s.t)) }); signer != key {
		s.t.Errorf("key %d signs, not %d", signer+1, key+1)
	}
}

// credential returns what an upload was signed with.
func (a *arrival) credential(t *testing.T) (made token.Token) {
	t.Helper()
	if bearer, ok := strings.CutPrefix(a.header.Get("Authorization"), "Bearer "); ok {
		return token.Token{AccessToken: bearer}
	}
	for _, field := range parseForm(t, []byte(a.body)) {
		switch field.name {
		case "signature":
			made.Signature = field.value
		case "expire":
			made.Expire, _ = strconv.ParseInt(field.value, 10, 64)
		}
	}
	return made
}

// setSecret changes the project's secret key.
func (s *service) setSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = secret
}
