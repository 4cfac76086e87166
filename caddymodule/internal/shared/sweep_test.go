// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Callers come and go; their records must not pile up in the storage.
func TestRecordsThatAreNotRenewedAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		storage, source := newMemory(), &backend{lifetime: testLifetime}
		storage.put("certificates/example.com", []byte("of another kind"))
		storage.put(directory+"/later", []byte(`{"v":2,"expire":1}`))
		node := newNode(t, storage, source.ask, 0)
		most := 0
		for caller := range 24 * 60 {
			ask := node.Share(func() string { return Key(fmt.Sprint(caller)) }, source.ask)
			if _, err := ask(t.Context(), token.Asking{Now: time.Now()}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			most = max(most, len(storage.records))
		}
		// Half an hour of life, an hour of grace, an hour between sweeps.
		if most > 155 || most < 145 {
			t.Errorf("there were up to %d records", most)
		}
		if storage.sweeps != 23 {
			t.Errorf("%d sweeps in 24 hours", storage.sweeps)
		}
		for _, key := range []string{"certificates/example.com", directory + "/later"} {
			if _, ok := storage.get(key); !ok {
				t.Errorf("%s was removed", key)
			}
		}
		node.checkReports(t)
	})
}
