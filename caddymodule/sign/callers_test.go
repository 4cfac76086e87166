// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

const (
	unsaid = "warn anybody who reaches the site may upload to the project: put something before the gateway that decides who may, " +
		"such as basic_auth or forward_auth, and write `callers checked`; or write `callers anyone`, if that is meant " +
		"public_key=pk source=secret_key scheme=signature callers=not said policy=none"
	signed    = "info uploads to the project are signed public_key=pk source=%s scheme=signature callers=%s policy=none"
	handedOut = "info signatures of the project are handed out public_key=pk source=secret_key scheme=signature callers=%s policy=none"
)

// Who may upload is said at load, as a warning as long as nothing has decided it.
func TestTheLogSaysWhoMayUpload(t *testing.T) {
	const (
		local    = `"source":{"module":"secret_key","keys":["sk"]}`
		resolver = `"source":{"module":"resolver","url":"https://app.example.com/"`
		each     = resolver + `,"headers":{"Authorization":["{http.request.header.Authorization}"]}}`
	)
	line := func(format string, values ...string) string {
		for _, value := range values {
			format = strings.Replace(format, "%s", value, 1)
		}
		return format
	}
	for _, test := range []struct {
		handler, config string
		want            []string
	}{
		{"sign", `{"projects":[{"public_key":"pk",` + local + `}]}`, []string{unsaid}},
		{"sign", `{"projects":[{"public_key":"pk",` + resolver + `}}]}`, []string{strings.Replace(unsaid, "secret_key", "resolver", 1)}},
		{"sign", `{"projects":[{"public_key":"pk","callers":"checked",` + local + `}]}`, []string{line(signed, "secret_key", "checked")}},
		{"sign", `{"projects":[{"public_key":"pk","callers":"anyone",` + local + `}]}`, []string{line(signed, "secret_key", "anyone")}},
		{"sign", `{"projects":[{"public_key":"pk",` + each + `}]}`, []string{line(signed, "resolver", "the resolver decides for each")}},
		{"sign", `{"projects":[{"public_key":"pk","callers":"checked",` + each + `}]}`, []string{line(signed, "resolver", "checked")}},
		{
			"sign", `{"projects":[{"public_key":"pk","callers":"anyone",` + local + `},{"public_key":"*",` + local + `}]}`,
			[]string{line(signed, "secret_key", "anyone"), strings.Replace(unsaid, "=pk", "=*", 1)},
		},
		{"signature", `{"project":{"public_key":"pk",` + local + `}}`, []string{unsaid}},
		{"signature", `{"project":{"public_key":"pk","callers":"checked",` + local + `}}`, []string{line(handedOut, "checked")}},
	} {
		_, logs, err := fixture.LoadObserved[caddyhttp.MiddlewareHandler](t, "http.handlers.uploadcare_"+test.handler, test.config)
		if err != nil {
			t.Fatalf("%s: %v", test.config, err)
		}
		fixture.WantLines(t, logs, test.want...)
	}
}

func TestCallersAreOneOfTwoWords(t *testing.T) {
	_, err := fixture.Load[*Sign](t, "http.handlers.uploadcare_sign", `{"projects":[{"public_key":"pk","callers":"Checked","source":{"module":"secret_key","keys":["canary"]}}]}`)
	if err == nil || !strings.Contains(err.Error(), `project pk: callers: "Checked" is neither checked nor anyone`) {
		t.Errorf("got %v", err)
	}
}

// Any page gets the origin null, if it wants it.
func TestTheOriginNullIsWarnedOf(t *testing.T) {
	const project = `"callers":"checked","source":{"module":"secret_key","keys":["sk"]}}`
	for config, warned := range map[string]bool{
		`"cors":["null"]`: true,
		`"cors":["https://www.example.com","null"]`: true,
		`"cors":["https://www.example.com"]`:        false,
		`"cors":["https://null"]`:                   false,
	} {
		for handler, text := range map[string]string{
			"sign":      `{"projects":[{"public_key":"pk",` + project + `],` + config + `}`,
			"signature": `{"project":{"public_key":"pk",` + project + `,` + config + `}`,
		} {
			_, logs, err := fixture.LoadObserved[caddyhttp.MiddlewareHandler](t, "http.handlers.uploadcare_"+handler, text)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(strings.Join(fixture.Lines(logs), "\n"), "warn cors null admits pages of every site"); got != warned {
				t.Errorf("%s, %s: warned %t", handler, config, got)
			}
		}
	}
}
