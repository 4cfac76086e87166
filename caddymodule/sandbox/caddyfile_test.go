// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/requestbody"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestCaddyfile(t *testing.T) {
	for _, tc := range []struct{ name, input, want string }{
		{"nothing", `uploadcare_sandbox`, `{}`},
		{"an empty block", "uploadcare_sandbox {\n}", `{}`},
		{
			"everything",
			"uploadcare_sandbox {\n\tpublic_key pub\n\tsecret_key {env.SECRET}\n\troot /srv/sandbox\n\trequest_limit 10MiB\n\tstorage_limit 2GB\n" +
				"\tmultipart_limit 1GiB\n\tpublic_url http://localhost:8081\n\tthrottle_every 3\n\tallow_private_sources\n}",
			`{"public_key":"pub","secret_key":"{env.SECRET}","root":"/srv/sandbox","request_limit":10485760,"storage_limit":2000000000,` +
				`"multipart_limit":1073741824,"public_url":"http://localhost:8081","allow_private_sources":true,"throttle_every":3}`,
		},
		{"a size in bytes", "uploadcare_sandbox {\n\trequest_limit 1\n}", `{"request_limit":1}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			handler := new(Handler)
			if err := handler.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tc.input)); err != nil {
				t.Fatal(err)
			}
			if got, _ := json.Marshal(handler); string(got) != tc.want {
				t.Errorf("config = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestCaddyfileErrorsNameLineAndWhatWasExpected(t *testing.T) {
	for _, tc := range []struct{ name, block, want string }{
		{"no key", "public_key", "public_key expects exactly one argument: public_key <key>, at Testfile:2"},
		{"an empty key", `public_key ""`, "public_key expects exactly one argument: public_key <key>, at Testfile:2"},
		{"two keys", "public_key a b", "public_key expects exactly one argument: public_key <key>, at Testfile:2"},
		{"no secret", "secret_key", "secret_key expects exactly one argument: secret_key <key>, at Testfile:2"},
		{"two secrets", "secret_key hush quiet", "secret_key expects exactly one argument: secret_key <key>, at Testfile:2"},
		{"no root", "root", "root expects exactly one argument: root <dir>, at Testfile:2"},
		{"no size", "request_limit", "request_limit expects exactly one argument: request_limit <size>, at Testfile:2"},
		{"two sizes", "storage_limit 1MB 2MB", "storage_limit expects exactly one argument: storage_limit <size>, at Testfile:2"},
		{"a size that is none", "request_limit big", "request_limit expects a size above zero such as 100MiB, got 'big', at Testfile:2"},
		{"a size below zero", "storage_limit -1MB", "storage_limit expects a size above zero such as 100MiB, got '-1MB', at Testfile:2"},
		{"a size of zero", "storage_limit 0", "storage_limit expects a size above zero such as 100MiB, got '0', at Testfile:2"},
		{"a size beyond counting", "storage_limit 16EB", "storage_limit expects a size above zero such as 100MiB, got '16EB', at Testfile:2"},
		{"a throttle of zero", "throttle_every 0", "throttle_every expects a number above zero, got '0', at Testfile:2"},
		{"a throttle that is no number", "throttle_every often", "throttle_every expects a number above zero, got 'often', at Testfile:2"},
		{"no throttle", "throttle_every", "throttle_every expects exactly one argument: throttle_every <n>, at Testfile:2"},
		{"no public URL", "public_url", "public_url expects exactly one argument: public_url <url>, at Testfile:2"},
		{"private sources with an argument", "allow_private_sources off", "allow_private_sources takes no arguments, at Testfile:2"},
		{"an option twice", "root a\n\tpublic_key b\n\troot c", "root is already specified, at Testfile:4"},
		{"the secret twice", "secret_key hush\n\tsecret_key hush", "secret_key is already specified, at Testfile:3"},
		{
			"an unknown option", "public_key a\n\tpublik_key hush",
			"unrecognized subdirective 'publik_key', expected public_key, secret_key, root, request_limit, storage_limit, multipart_limit, public_url, throttle_every, allow_private_sources, demo_gateway or demo_scripts, at Testfile:3",
		},
		{
			"a block in the block", "public_key a {\n\t\tx\n\t}",
			"unrecognized subdirective '{', expected public_key, secret_key, root, request_limit, storage_limit, multipart_limit, public_url, throttle_every, allow_private_sources, demo_gateway or demo_scripts, at Testfile:2",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("uploadcare_sandbox {\n\t" + tc.block + "\n}"))
			if err == nil || err.Error() != tc.want {
				t.Errorf("error = %v\nwant    %s", err, tc.want)
			}
		})
	}
	err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("uploadcare_sandbox root"))
	if want := "uploadcare_sandbox takes no arguments but a matcher; its options stand in a block, at Testfile:1"; err == nil || err.Error() != want {
		t.Errorf("error = %v\nwant    %s", err, want)
	}
}

func adapt(t *testing.T, input string) (string, error) {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	for _, warning := range warnings {
		if !strings.Contains(warning.Message, "not formatted") {
			t.Errorf("warning: %s", warning)
		}
	}
	return string(config), err
}

// Limits and authentication come before the sandbox, whatever the order in
// which the directives are written.
func TestTheOrderOfTheDirective(t *testing.T) {
	config, err := adapt(t, ":8080 {\n\treverse_proxy localhost:1\n\tuploadcare_sandbox\n\trequest_body {\n\t\tmax_size 1MB\n\t}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	limit, sandbox, proxy := strings.Index(config, `"request_body"`), strings.Index(config, `"uploadcare_sandbox"`), strings.Index(config, `"reverse_proxy"`)
	if limit < 0 || sandbox < limit || proxy < sandbox {
		t.Errorf("the order is not request_body, uploadcare_sandbox, reverse_proxy: %s", config)
	}
}

func TestTheDirectiveTakesAMatcher(t *testing.T) {
	config, err := adapt(t, ":8080 {\n\tuploadcare_sandbox /base/* {\n\t\tpublic_key pub\n\t}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"path":["/base/*"]`, `{"handler":"uploadcare_sandbox","public_key":"pub"}`} {
		if !strings.Contains(config, want) {
			t.Errorf("%s is not in %s", want, config)
		}
	}
	if _, err := adapt(t, ":8080 {\n\tuploadcare_sandbox {\n\t\tsecret hush\n\t}\n}\n"); err == nil || !strings.Contains(err.Error(), "Caddyfile:3") {
		t.Errorf("error = %v, want one in line 3", err)
	}
}
