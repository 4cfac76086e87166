// SPDX-License-Identifier: Apache-2.0

package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// way returns what stands before each uploadcare_sign of a Caddyfile, and the proxies behind.
func way(t *testing.T, caddyfile string) (ways []string) {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		t.Fatal(err)
	}
	sites, err := findSites(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, site := range sites {
		var names []string
		for _, handler := range site.before {
			names = append(names, handler.String())
		}
		ways = append(ways, site.name()+": "+strings.Join(names, ", ")+" > "+site.upstream().String())
	}
	return ways
}

func TestWhatStandsOnTheWayIsFound(t *testing.T) {
	const (
		signed  = "uploadcare_sign {\n\tproject p {\n\t\tsecret_key s\n\t}\n}\n"
		gateway = signed + "reverse_proxy localhost:1\n"
	)
	tests := map[string]struct {
		caddyfile string
		want      []string
	}{
		"nothing":                           {"http://a {\n" + gateway + "}", []string{"a:  > localhost:1"}},
		"several":                           {"http://a {\nencode\nrequest_header X y\n" + gateway + "}", []string{"a: headers, encode > localhost:1"}},
		"with a matcher":                    {"http://a {\n@in remote_ip 10.0.0.0/8\nrespond @in 403\n" + gateway + "}", []string{"a: static_response [if remote_ip] > localhost:1"}},
		"in a handle":                       {"http://a {\nhandle /up/* {\nencode\n" + gateway + "}\nhandle {\nrespond no\n}\n}", []string{"a: encode > localhost:1"}},
		"in a route":                        {"http://a {\nroute {\nvars a b\n" + gateway + "}\n}", []string{"a: vars > localhost:1"}},
		"behind a matcher":                  {"http://a {\nuploadcare_sign /up/* {\nproject p {\nsecret_key s\n}\n}\nreverse_proxy /up/* localhost:1\n}", []string{"a:  > localhost:1"}},
		"a named route":                     {"&(up) {\n" + gateway + "}\nhttp://a {\nencode\ninvoke up\n}", []string{"a: encode > localhost:1"}},
		"a password in a named route":       {"&(auth) {\nbasic_auth {\na b\n}\n}\nhttp://a {\ninvoke auth\n" + gateway + "}", []string{"a: authentication (http_basic) > localhost:1"}},
		"a named route in another":          {"&(inner) {\nencode\n}\n&(outer) {\nroute {\nvars a b\ninvoke inner\n}\n}\nhttp://a {\ninvoke outer\n" + gateway + "}", []string{"a: vars, encode > localhost:1"}},
		"a named route behind a matcher":    {"&(inner) {\nencode\n}\nhttp://a {\n@in remote_ip 10.0.0.0/8\ninvoke @in inner\n" + gateway + "}", []string{"a: encode [if remote_ip] > localhost:1"}},
		"a proxy in a named route":          {"&(up) {\nreverse_proxy localhost:1\n}\nhttp://a {\nroute {\n" + signed + "invoke up\n}\n}", []string{"a:  > localhost:1"}},
		"only the gateway in a named route": {"&(sign) {\n" + signed + "}\nhttp://a {\nroute {\ninvoke sign\nreverse_proxy localhost:1\n}\n}", []string{"a:  > localhost:1"}},
		"a proxy behind a block":            {"http://a {\nroute {\nroute {\n" + signed + "}\n}\nreverse_proxy localhost:1\n}", []string{"a:  > localhost:1"}},
		"a proxy in another block":          {"http://a {\nhandle /base/* {\n" + signed + "}\nhandle {\nreverse_proxy localhost:1\n}\n}", []string{"a:  > the upstream"}},
		"two sites":                         {"http://a {\nencode\n" + gateway + "}\nhttp://b {\n" + gateway + "}", []string{"a: encode > localhost:1", "b:  > localhost:1"}},
		"no gateway":                        {"http://a {\nrespond ok\n}", nil},
		"behind another":                    {"http://a {\n" + gateway + "respond ok\n}", []string{"a: static_response > localhost:1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := way(t, test.caddyfile); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A config that is not Caddy's own may go round in circles.
func TestNamedRoutesThatInvokeEachOtherEnd(t *testing.T) {
	const config = `{"apps":{"http":{"servers":{"a":{"routes":[{"handle":[{"handler":"invoke","name":"x"}]}],
		"named_routes":{"x":{"handle":[{"handler":"uploadcare_sign"},{"handler":"invoke","name":"x"}]}}}}}}}`
	sites, err := findSites([]byte(config))
	if err != nil || len(sites) == 0 || len(sites) > 2*maxDepth {
		t.Errorf("%d sites, %v", len(sites), err)
	}
}

func TestTheHandlerHasTheNameThatIsLookedFor(t *testing.T) {
	if got := (sign.Sign{}).CaddyModule().ID.Name(); got != signHandler || sign.Directive != signHandler {
		t.Errorf("got %s", got)
	}
}
