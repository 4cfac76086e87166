// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Invariant 8: what a source panics with is not shown, and the panic is a failure
// like any other.
func TestInvariant8APanicOfASourceIsAFailure(t *testing.T) {
	sign, _, logs := newScripted(t, "panicking", func(int, time.Time) (token.Token, error) { panic("canary-of-a-secret-key") })
	upstream := &service{t: t, secret: goodSecret}
	w := upstream.send(sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "panicking"))))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	told := logs.FilterMessage("no credential from the source").All()
	if len(told) != 1 || !strings.Contains(fmt.Sprint(told[0].ContextMap()), "the source panicked with a string") {
		t.Errorf("the operator is told %v", operatorLog(logs))
	}
	for _, entry := range logs.All() {
		if shown := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(shown, "canary") {
			t.Errorf("%s", shown)
		}
	}
	reported.Want(t, map[string]float64{`caddy_uploadcare_token_requests_total{outcome="failed",project="panicking",source="scripted_in_test"}`: 1})
}
