// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

var errSource = errors.New("the resolver is down")

// A gateway that starts while the source fails uses the token that the others still use.
// It does not ask for every upload on that account.
func TestAGatewayThatStartsWhileTheSourceFailsUsesWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		first := newNode(t, storage, source.ask, 0).get(t)
		source.fail(errSource)
		time.Sleep(18 * time.Minute) // it is due, and valid for 12 minutes more
		started := newNode(t, storage, source.ask, 0)
		for range 12*60 - 1 {
			if got := started.get(t); got.Signature != first.Signature {
				t.Fatalf("got %v, want %v", got, first)
			}
			time.Sleep(time.Second)
		}
		if calls := source.count() - 1; calls < 2 || calls > 25 {
			t.Errorf("%d calls for 719 uploads", calls)
		}
		time.Sleep(time.Second)
		if got, err := started.cache.Get(t.Context(), started.source); !errors.Is(err, errSource) {
			t.Errorf("when it had expired: got %v, %v", got, err)
		}
		// And when the source is back, so is the fleet.
		source.fail(nil)
		time.Sleep(time.Minute)
		started.get(t)
	})
}

// A gateway with a valid token uses it while the source fails: the stored one may be older,
// after an outage of the storage.
func TestAGatewayWithATokenOfItsOwnKeepsItWhileTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		newNode(t, storage, source.ask, 0).get(t)
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		storage.set(func(m *memory) { m.down = true })
		node := newNode(t, storage, source.ask, 0)
		own := node.get(t)
		storage.set(func(m *memory) { m.down = false })
		time.Sleep(16 * time.Minute)
		source.fail(errSource)
		for range 13 * 60 {
			if got := node.get(t); got != own {
				t.Fatalf("got %v, want %v", got, own)
			}
			time.Sleep(time.Second)
		}
	})
}

// A resolver may hand out tokens that it has had for a while, and say so. They
// are shared all the same, for what is left of them.
func TestATokenThatComesLateIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, calls := newMemory(), 0
		began := time.Now()
		source := func(context.Context, token.Asking) (token.Token, error) {
			calls++
			return token.Mint("secret", began, testLifetime), nil
		}
		time.Sleep(24 * time.Minute)
		for range 3 {
			newNode(t, storage, source, 0).get(t)
			synctest.Wait()
		}
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

// Invariant 5, in part.
func TestInvariant5WhatIsStoredAndHasExpiredServesNoUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, source, node := loneNode(t)
		node.get(t)
		synctest.Wait()
		source.fail(errSource)
		for _, left := range []time.Duration{time.Second, 0, -time.Hour} {
			time.Sleep(time.Until(time.Unix(source.calls[0].Add(testLifetime-left).Unix(), 0)))
			got, err := node.source(t.Context(), token.Asking{Now: time.Now()})
			if expired := left <= 0; expired != errors.Is(err, errSource) || expired != (got == token.Token{}) {
				t.Errorf("%s before it expires: got %v, %v", left, got, err)
			}
			synctest.Wait()
		}
	})
}
