// SPDX-License-Identifier: Apache-2.0

package token

import (
	"testing"
	"time"
)

// docs/tokens.md and docs/memory.md state these. The simulations only know them by name.
func TestTheTimesAndNumbersAreThoseOfTheDocuments(t *testing.T) {
	for name, test := range map[string]struct{ is, want time.Duration }{
		"an upload waits": {maxWait, time.Second}, "first pause": {firstPause, time.Second}, "last pause": {lastPause, 40 * time.Second},
		"pause without a token": {emptyPause, 4 * time.Second}, "the least": {minEmptyPause, 100 * time.Millisecond}, "asked for": {MaxRetryAfter, time.Minute},
		"an attempt": {attemptTime, time.Minute}, "a failure is remembered": {memory, 10 * time.Minute},
		"first pause of drops": {minDropPause, time.Second}, "last pause of drops": {maxDropPause, time.Minute}, "drops are remembered": {dropMemory, 10 * time.Minute},
		"a call may be given up": {minCallTime, 2 * time.Second},
	} {
		if test.is != test.want {
			t.Errorf("%s: %s, want %s", name, test.is, test.want)
		}
	}
	for name, test := range map[string]struct{ is, want int }{
		"callers": {maxCallers, 4096}, "calls without a response": {maxUnanswered, 1024}, "calls given up": {maxGivenUp, 256},
	} {
		if test.is != test.want {
			t.Errorf("%s: %d, want %d", name, test.is, test.want)
		}
	}
}
