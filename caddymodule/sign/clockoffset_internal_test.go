// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// In the steady state a request does not observe its connection.
func TestMostRequestsDoNotObserveTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		offsets := newOffsets()
		ctx := t.Context()
		for range 3 { // nothing is known yet
			if _, observed := offsets.observe(ctx); observed == nil {
				t.Error("the connection is not observed")
			}
		}
		_, observed := offsets.observe(ctx)
		observed.seen.Store(connectionPlain)
		offsets.measure(nil, time.Now(), observed)
		if allocations := testing.AllocsPerRun(100, func() {
			if same, observed := offsets.observe(ctx); observed != nil || same != ctx {
				t.Error("the connection is observed again")
			}
		}); allocations != 0 {
			t.Errorf("%v allocations", allocations)
		}
		time.Sleep(offsetInterval)
		observations := 0
		for range 100 {
			if _, observed := offsets.observe(ctx); observed != nil {
				observations++
			}
		}
		if observations != 1 {
			t.Errorf("%d of 100 requests observed their connections", observations)
		}
	})
}
