// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func TestCountingDoesNotAllocate(t *testing.T) {
	sign := mustSign(t, onlyProject)
	a := &attempt{upload: &upload{sign: sign, endpoint: uploadapi.Signed(http.MethodPost, "/base/")}}
	if err := a.choose("demopublickey"); err != nil {
		t.Fatal(err)
	}
	if allocations := testing.AllocsPerRun(1000, func() {
		a.counted.Store(false)
		a.countSigned()
	}); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// BenchmarkCounting is what the metrics cost an upload.
func BenchmarkCounting(b *testing.B) {
	sign := mustSign(b, onlyProject)
	endpoint := uploadapi.Signed(http.MethodPost, "/base/")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		a := &attempt{upload: &upload{sign: sign, endpoint: endpoint}, project: sign.Projects[0]}
		for pb.Next() {
			a.counted.Store(false)
			a.countSigned()
		}
	})
}
