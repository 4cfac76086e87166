// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ruledInTest is the guest module `http.handlers.ruled_in_test`: it stands for an
// uploadcare_sign whose projects have rules.
type ruledInTest struct {
	PublicKeys []string `json:"public_keys,omitempty"`
	gateway
}

func init() { caddy.RegisterModule(new(ruledInTest)) }

func (*ruledInTest) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.ruled_in_test", New: func() caddy.Module { return new(ruledInTest) }}
}

func (r *ruledInTest) Provision(ctx caddy.Context) error {
	return r.join(peer{config: ctx.GetMetricsRegistry(), hasPolicy: func(publicKey string) bool {
		return slices.Contains(r.PublicKeys, publicKey) || slices.Contains(r.PublicKeys, "*")
	}})
}

func (*ruledInTest) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error {
	return nil
}

const (
	ruled     = `{"handler":"ruled_in_test","public_keys":["pk"]}`
	anyRuled  = `{"handler":"ruled_in_test","public_keys":["*"]}`
	unruled   = `{"handler":"ruled_in_test"}`
	handsOut  = `{"handler":"uploadcare_signature","project":{"public_key":"{env.BYPASS_KEY}","source":{"module":"secret_key","keys":["canary"]}}}`
	another   = `{"handler":"uploadcare_signature","project":{"public_key":"other","source":{"module":"secret_key","keys":["canary"]}}}`
	permitted = `{"handler":"uploadcare_signature","bypasses_policy":true,"project":{"public_key":"pk","source":{"module":"secret_key","keys":["canary"]}}}`
	invalid   = `{"handler":"uploadcare_signature","project":{"public_key":"pk","scheme":"token","source":{"module":"secret_key","keys":["canary"]}}}`
)

// configWith returns a config whose servers, one for each argument, have these handlers.
func configWith(servers ...string) []byte {
	var all []string
	for i, server := range servers {
		all = append(all, fmt.Sprintf(`"srv%d":{"listen":["127.0.0.%d:0"],"automatic_https":{"disable":true},%s}`, i, i+1, server))
	}
	return []byte(`{"admin":{"disabled":true,"config":{"persist":false}},"logging":{"logs":{"default":{"writer":{"output":"discard"}}}},` +
		`"apps":{"http":{"servers":{` + strings.Join(all, ",") + `}}}}`)
}

func handle(handlers ...string) string {
	return `"routes":[{"handle":[` + strings.Join(handlers, ",") + `]}]`
}

func subroute(handlers ...string) string {
	return `{"handler":"subroute",` + handle(handlers...) + `}`
}

// Invariant 11: a project's rules hold for every way to a signature, wherever in the
// config it is, unless the operator says otherwise.
func TestSignaturesDoNotBypassRules(t *testing.T) {
	t.Setenv("BYPASS_KEY", "pk")
	for name, test := range map[string]struct {
		config  []byte
		refused bool
	}{
		"rules first":            {configWith(handle(ruled, handsOut)), true},
		"signatures first":       {configWith(handle(handsOut, ruled)), true},
		"rules for any key":      {configWith(handle(handsOut, anyRuled)), true},
		"another server":         {configWith(handle(ruled), handle(handsOut)), true},
		"another server, before": {configWith(handle(handsOut), handle(ruled)), true},
		"a subroute":             {configWith(handle(subroute(subroute(handsOut)), ruled)), true},
		"an error route":         {configWith(handle(ruled) + `,"errors":{` + handle(handsOut) + `}`), true},
		"a named route":          {configWith(handle(`{"handler":"invoke","name":"n"}`, ruled) + `,"named_routes":{"n":{"handle":[` + handsOut + `]}}`), true},
		"two with rules":         {configWith(handle(unruled, ruled, handsOut)), true},
		"two with signatures":    {configWith(handle(another, handsOut, ruled)), true},
		"permitted beside not":   {configWith(handle(permitted, handsOut, ruled)), true},
		"permitted":              {configWith(handle(permitted, ruled)), false},
		"permitted, for any key": {configWith(handle(anyRuled, permitted)), false},
		"another project":        {configWith(handle(ruled, another)), false},
		"no rules":               {configWith(handle(unruled, handsOut)), false},
		"rules alone":            {configWith(handle(ruled), handle(ruled)), false},
		"signatures alone":       {configWith(handle(handsOut), handle(handsOut)), false},
	} {
		t.Run(name, func(t *testing.T) {
			config := new(caddy.Config)
			if err := json.Unmarshal(test.config, config); err != nil {
				t.Fatal(err)
			}
			err := caddy.Validate(config)
			const want = "project pk has rules on what may be uploaded, and a signature from uploadcare_signature allows any upload, past the gateway and its rules: " +
				"remove uploadcare_signature, or write bypasses_policy in it"
			if !test.refused && err != nil || test.refused && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v", err)
			}
			if left := len(allPeers.byConfig); left != 0 {
				t.Errorf("%d configs are left", left)
			}
		})
	}
}

// Of two configs, one of which replaces the other, neither's rules count for the other's
// signatures; and a config that cannot be loaded leaves nothing.
func TestBypassesAreLookedForInOneConfig(t *testing.T) {
	t.Setenv("BYPASS_KEY", "pk")
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		if left := len(allPeers.byConfig); left != 0 {
			t.Errorf("stopped, and %d configs are left", left)
		}
	})
	for i, step := range []struct {
		config []byte
		loads  bool
	}{
		{configWith(handle(ruled)), true},
		{configWith(handle(handsOut)), true},
		{configWith(handle(handsOut, ruled)), false},
		{configWith(handle(ruled, handsOut)), false},
		{configWith(handle(ruled, another, invalid)), false}, // for another reason
		{configWith(handle(ruled)), true},
		{configWith(handle(ruled)), true},
		{configWith(handle(ruled), handle(permitted)), true},
	} {
		if err := caddy.Load(step.config, true); (err == nil) != step.loads {
			t.Errorf("step %d: got %v", i, err)
		}
		if loaded := len(allPeers.byConfig); loaded != 1 {
			t.Errorf("step %d: %d configs", i, loaded)
		}
	}
}

// A handler that was never added, or twice removed, makes no difference.
func TestPeersAreForgottenOnce(t *testing.T) {
	var all peers
	config := prometheus.NewRegistry()
	signs := &peer{config: config, hasPolicy: func(string) bool { return true }}
	hands := &peer{config: config, handsOut: "pk"}
	all.remove(hands)
	if err := all.add(signs); err != nil {
		t.Fatal(err)
	}
	if err := all.add(hands); err == nil {
		t.Error("a bypass was added")
	}
	all.remove(hands)
	if err := all.add(hands); err == nil {
		t.Error("the rules were forgotten with a handler that was not added")
	}
	all.remove(signs)
	all.remove(signs)
	if err := all.add(hands); err != nil {
		t.Errorf("without rules: %v", err)
	}
	if len(all.byConfig) != 1 {
		t.Errorf("%d configs", len(all.byConfig))
	}
}
