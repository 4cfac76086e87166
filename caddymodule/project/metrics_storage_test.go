// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// The operator must learn of it without uploads, and after the expiry, too.
func TestAStaticPairsExpiryIsShownUntilItIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		const expiry = `caddy_uploadcare_static_expiry_timestamp_seconds{project="pair"}`
		before, after := fixture.PairFor(time.Hour), fixture.PairFor(5*time.Hour)
		old, _ := expiring(before, time.Minute)
		old.publicKey = "pair"
		ctx, unload := context.WithCancel(t.Context())
		old.watchExpiry(ctx)
		Reported.Want(t, map[string]float64{expiry: float64(before.Expire)})
		time.Sleep(2 * time.Hour)
		Reported.Want(t, map[string]float64{expiry: float64(before.Expire)})

		fresh, _ := expiring(after, time.Minute)
		fresh.publicKey = "pair"
		reloaded, stop := context.WithCancel(t.Context())
		fresh.watchExpiry(reloaded)
		Reported.Want(t, map[string]float64{expiry: float64(after.Expire)})
		unload()
		stop()
		synctest.Wait()
		if value, found := Reported.Value(t, expiry); found {
			t.Errorf("no config has a pair, and %v is shown", value)
		}
	})
}

func TestWhetherTheStorageCanBeUsedIsShown(t *testing.T) {
	const up = `caddy_uploadcare_storage_up{project="demopublickey"}`
	signer, _ := startSigner(t)
	p := newGateway(t, t.TempDir(), `{"module":"resolver","url":"`+signer+`"}`, 47*time.Second).Projects[0]
	report := p.reportSharing(t.Context())
	Reported.Want(t, map[string]float64{up: 1})
	report(errors.New("no space left on device"), 1)
	Reported.Want(t, map[string]float64{up: 0})
	report(nil, 0)
	Reported.Want(t, map[string]float64{up: 1})
	p.Shared = false
	p.joinFleet(caddy.Context{})
	if _, found := Reported.Value(t, up); found {
		t.Error("a project that shares nothing has a storage")
	}
}
