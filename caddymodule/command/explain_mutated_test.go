// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy"
)

const mutatedSite = `http:// {
	uploadcare_sign {
		project demopublickey {
			secret_key {env.NOT_SET_IN_TEST}
			types image/*
			store 0
		}
		project * {
			secret_key s
		}
	}
	reverse_proxy localhost:1
}
`

// mutated returns a request with a few bytes changed, left out or repeated.
func mutated(captured []byte, random *rand.Rand) []byte {
	changed := slices.Clone(captured)
	for range 1 + random.IntN(4) {
		from := random.IntN(len(changed))
		to := min(len(changed), from+1+random.IntN(8))
		switch random.IntN(3) {
		case 0:
			changed[from] = byte(random.IntN(256))
		case 1:
			changed = slices.Delete(changed, from, to)
		default:
			changed = slices.Insert(changed, from, slices.Clone(changed[from:to])...)
		}
	}
	return changed
}

// A captured request may be anything. Whatever it is, it is explained or an error, and what
// goes to a terminal has no controls but line ends. (No target of fuzzing: with all of Caddy
// instrumented, its build alone takes minutes.)
func TestARequestOfAnySortEndsInAnExplanationOrAnError(t *testing.T) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(mutatedSite), nil)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("testdata/explain/*.http")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not a secret
	explanations := 0
	for _, path := range paths {
		captured, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			request := mutated(captured, random)
			explained, err := explain(config, request)
			if err != nil {
				continue
			}
			var shown bytes.Buffer
			if err := explained.write(&shown); err != nil {
				t.Fatal(err)
			}
			explanations++
			if i := strings.IndexFunc(shown.String(), isControl); i >= 0 {
				t.Errorf("a control at %d of %q, by %q", i, shown.String(), request)
			}
		}
	}
	if explanations < len(paths)*10 {
		t.Errorf("only %d could be explained", explanations)
	}
}

func isControl(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }
