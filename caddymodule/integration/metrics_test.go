// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// uploadcareMetrics returns what the admin API reports to Prometheus about the gateway.
func uploadcareMetrics(c *caddyProcess) map[string]string {
	c.t.Helper()
	series := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^(caddy_uploadcare_\S+) (\S+)$`).FindAllStringSubmatch(c.get("/metrics"), -1) {
		series[line[1]] = line[2]
	}
	return series
}

// Each reload begins with an empty registry. The metrics go on nevertheless,
// and those of a project that is gone go with it.
func TestMetricsGoOnOverReloads(t *testing.T) {
	gateway, upstream := freeAddress(t), startUpstream(t, accept).URL
	site := gatewayTo(gateway, upstream, "")
	c := startCaddy(t, site, canarySecret)
	upload := func(publicKey string) {
		t.Helper()
		form := formOf(field("UPLOADCARE_PUB_KEY", publicKey), file("file", "meow"))
		_ = readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form))))
	}
	const (
		signed  = `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="accepted",project="demopublickey",reason=""}`
		unknown = `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="",reason="ProjectPublicKeyInvalidError"}`
		minted  = `caddy_uploadcare_token_requests_total{outcome="ok",project="demopublickey",source="secret_key"}`
		expiry  = `caddy_uploadcare_token_expiry_timestamp_seconds{project="demopublickey"}`
	)
	want := func(when string, want map[string]string) {
		t.Helper()
		got := uploadcareMetrics(c)
		for series, value := range want {
			if got[series] != value {
				t.Errorf("%s: %s is %q, want %q", when, series, got[series], value)
			}
		}
	}
	want("before", map[string]string{signed: "0", unknown: "0", minted: "0", expiry: ""})
	upload("demopublickey")
	upload("another")
	want("after an upload", map[string]string{signed: "1", unknown: "1", minted: "1"})
	if !regexp.MustCompile(`^1\.[0-9]+e\+09$`).MatchString(uploadcareMetrics(c)[expiry]) {
		t.Errorf("the token expires at %q", uploadcareMetrics(c)[expiry])
	}

	c.reload(site) // the same
	upload("demopublickey")
	want("after a reload", map[string]string{signed: "2", unknown: "1", minted: "1"})

	c.reload(strings.Replace(site, "demopublickey", "successor", 1))
	upload("successor")
	want("with another project", map[string]string{strings.Replace(signed, "demopublickey", "successor", 1): "1"})
	eventually(t, "the project is gone", func() bool { return !strings.Contains(c.get("/metrics"), `project="demopublickey"`) })
}

// Caddy's admin endpoint is that of a config that failed to load, whose handlers there may
// never have been. The gateway of the config before goes on.
func TestMetricsGoOnWhereAReloadFails(t *testing.T) {
	gateway, upstream := freeAddress(t), startUpstream(t, accept).URL
	site := gatewayTo(gateway, upstream, "")
	c := startCaddy(t, site, canarySecret)
	upload := func() {
		t.Helper()
		form := formOf(field("UPLOADCARE_PUB_KEY", "demopublickey"), file("file", "meow"))
		_ = readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form))))
	}
	upload()
	before := uploadcareMetrics(c)

	c.write("{\n\tservers {\n\t\tlistener_wrappers {\n\t\t\ttls\n\t\t}\n\t}\n}\n" + site)
	output, err := c.run(t.Context(), nil, "reload", "--force", "--config", c.path()).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "listener wrapper") {
		t.Fatalf("the reload ended with %v and %s", err, output)
	}
	upload()
	after := uploadcareMetrics(c)
	const signed = `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="accepted",project="demopublickey",reason=""}`
	if before[signed] != "1" || after[signed] != "2" {
		t.Errorf("%s is %q before the reload, and %q after it", signed, before[signed], after[signed])
	}
	for series := range before {
		if _, ok := after[series]; !ok {
			t.Errorf("%s is gone", series)
		}
	}

	c.reload("http://" + gateway + " {\n\trespond hello\n}\n")
	eventually(t, "a config without a gateway has no metrics of one", func() bool {
		return !strings.Contains(c.get("/metrics"), "caddy_uploadcare_build_info")
	})
}

// Invariant 12, with the errors that Caddy's transports really return: an upstream that
// cannot be dialled is no connection that has broken off.
func TestInvariant12AnUpstreamThatCannotBeDialledIsCountedAsThat(t *testing.T) {
	for _, transport := range []string{"", "transport http"} {
		gateway := freeAddress(t)
		c := startCaddy(t, gatewayTo(gateway, "http://"+rawtest.Closed(t), transport), canarySecret)
		form := formOf(field("UPLOADCARE_PUB_KEY", "demopublickey"), file("file", "meow"))
		_ = readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form))))
		counted := 0
		for series, value := range uploadcareMetrics(c) {
			if strings.Contains(series, `outcome="upstream_error"`) && strings.Contains(series, `reason="dial"`) && value == "1" {
				counted++
			}
		}
		if counted != 1 {
			t.Errorf("%q: %d series count the upload", transport, counted)
		}
	}
}
