// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// In the steady state a request does not look at its connection.
func TestMostRequestsDoNotLookAtTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		offsets := newOffsets()
		ctx := t.Context()
		for range 3 { // nothing is known yet
			if _, look := offsets.look(ctx); look == nil {
				t.Error("it is not looked at")
			}
		}
		_, look := offsets.look(ctx)
		look.seen.Store(connectionPlain)
		offsets.of(nil, time.Now(), look)
		if allocations := testing.AllocsPerRun(100, func() {
			if same, look := offsets.look(ctx); look != nil || same != ctx {
				t.Error("it is looked at again")
			}
		}); allocations != 0 {
			t.Errorf("%v allocations", allocations)
		}
		time.Sleep(offsetInterval)
		looks := 0
		for range 100 {
			if _, look := offsets.look(ctx); look != nil {
				looks++
			}
		}
		if looks != 1 {
			t.Errorf("%d of 100 requests looked", looks)
		}
	})
}
