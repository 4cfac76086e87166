// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestWhatASourceYieldsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := MustProject(t, AskingConfig("asked", `,"fallback":{"module":"scripted_in_test","key":"stands in"}`))
		var granted token.Token
		fixture.Loaded("stands in").Return(token.Mint(fixture.Secret, time.Now(), 24*time.Hour), nil)
		ask := func() error {
			_, err := project.grantor().Token(t.Context())
			return err
		}
		for _, outcome := range []error{errors.New("down"), fmt.Errorf("%w: who are you", token.ErrRefused), nil} {
			granted = token.Mint(fixture.Secret, time.Now(), time.Hour)
			fixture.Loaded("").Return(granted, outcome)
			if err := ask(); err != nil && !errors.Is(err, token.ErrRefused) {
				t.Errorf("%v: %v", outcome, err)
			}
			time.Sleep(time.Minute)
		}
		if err := ask(); err != nil { // which is cached
			t.Error(err)
		}
		Reported.Want(t, map[string]float64{
			`caddy_uploadcare_token_requests_total{outcome="ok",project="asked",source="scripted_in_test"}`:      1,
			`caddy_uploadcare_token_requests_total{outcome="refused",project="asked",source="scripted_in_test"}`: 1,
			`caddy_uploadcare_token_requests_total{outcome="failed",project="asked",source="scripted_in_test"}`:  1,
			`caddy_uploadcare_token_request_duration_seconds_count{project="asked",source="scripted_in_test"}`:   3,
			`caddy_uploadcare_fallback_uses_total{project="asked"}`:                                              1,
			`caddy_uploadcare_token_expiry_timestamp_seconds{project="asked"}`:                                   float64(granted.Expire),
			`caddy_uploadcare_credentials_rejected_total{project="asked",reason="expired"}`:                      0,
		})
		project.metrics.rejected(rejectedExpired)
		project.metrics.rejected("whatever the service says")
		project.credentials.clock.Correct(-1500 * time.Millisecond)
		Reported.Want(t, map[string]float64{
			`caddy_uploadcare_credentials_rejected_total{project="asked",reason="expired"}`: 1,
			`caddy_uploadcare_clock_offset_seconds{project="asked"}`:                        -1.5,
		})
		if scraped := Reported.Scrape(t); strings.Contains(scraped, "whatever the service says") {
			t.Error("a reason of the service's own is a label")
		}
	})
}

// A token that has expired already is a failure, and is logged and counted as
// one.
func TestAnExpiredTokenOfASourceIsCountedAsAFailure(t *testing.T) {
	project := MustProject(t, AskingConfig("stale", ""))
	fixture.Loaded("").Return(token.Mint(fixture.Secret, time.Now(), 0), nil)
	if _, err := project.grantor().Token(t.Context()); !errors.Is(err, token.ErrExpired) {
		t.Error(err)
	}
	Reported.Want(t, map[string]float64{
		`caddy_uploadcare_token_requests_total{outcome="ok",project="stale",source="scripted_in_test"}`:     0,
		`caddy_uploadcare_token_requests_total{outcome="failed",project="stale",source="scripted_in_test"}`: 1,
	})
}

// What is up is what responded last; a token that has expired is not shown as one that
// will.
func TestWhetherASourceIsUpIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project := MustProject(t, AskingConfig("up", ""))
		const up = `caddy_uploadcare_source_up{project="up",source="scripted_in_test"}`
		const expiry = `caddy_uploadcare_token_expiry_timestamp_seconds{project="up"}`
		Reported.Want(t, map[string]float64{up: 1})
		fixture.Loaded("").Return(token.Mint(fixture.Secret, time.Now(), time.Hour), nil)
		if _, err := project.grantor().Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, found := Reported.Value(t, expiry); !found {
			t.Error("the token's expiry is not shown")
		}
		time.Sleep(2 * time.Hour)
		if value, found := Reported.Value(t, expiry); found {
			t.Errorf("the expiry of a token that has expired is shown: %v", value)
		}
		fixture.Loaded("").Return(token.Token{}, errors.New("down"))
		_, _ = project.grantor().Token(t.Context())
		Reported.Want(t, map[string]float64{up: 0})
		time.Sleep(time.Minute)
		fixture.Loaded("").Return(token.Token{}, fmt.Errorf("%w: not you", token.ErrRefused))
		_, _ = project.grantor().Token(t.Context())
		Reported.Want(t, map[string]float64{up: 1})
		if scraped := Reported.Scrape(t); !regexp.MustCompile(`caddy_uploadcare_build_info{caddy="[^"]+",commit="[^"]+",version="[^"]+"} 1\n`).MatchString(scraped) {
			t.Error("no build_info")
		}
	})
}
