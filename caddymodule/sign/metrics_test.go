// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// reported is what Prometheus reads.
var reported = fixture.Metrics{Register: project.RegisterMetrics}

// countCaches returns of how many projects there are token caches.
func countCaches(t *testing.T) int {
	t.Helper()
	return strings.Count(reported.Scrape(t), "\ncaddy_uploadcare_clock_offset_seconds{")
}

// offsetOf returns by how much a project's clock is corrected.
func offsetOf(t *testing.T, publicKey string) time.Duration {
	t.Helper()
	seconds, ok := reported.Value(t, `caddy_uploadcare_clock_offset_seconds{project="`+publicKey+`"}`)
	if !ok {
		t.Error("the clock is not reported")
	}
	return time.Duration(seconds * float64(time.Second))
}

// mintingConfig returns the config of a project that makes its own signatures.
func mintingConfig(publicKey, options string) string {
	return `{"projects":[{"public_key":"` + publicKey + `"` + options + `,"source":{"module":"secret_key","keys":["` + testSecret + `"]}}]}`
}

// askingConfig returns the config of a project whose source does what the test says.
func askingConfig(publicKey, options string) string {
	return `{"projects":[{"public_key":"` + publicKey + `"` + options + `,"source":{"module":"scripted_in_test"}}]}`
}

func TestMetricsFollowTheConventions(t *testing.T) {
	sign := mustSign(t, mintingConfig("conventions", ""))
	serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "conventions"))))
	registry := prometheus.NewPedanticRegistry()
	for range 2 { // as two handlers of one config do
		if err := project.RegisterMetrics(registry); err != nil {
			t.Fatal(err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 || len(families) < 6 {
		t.Errorf("%v, %v in %d metrics", problems, err, len(families))
	}
}

func TestUploadsAreCountedByWhatBecameOfThem(t *testing.T) {
	sign := mustSign(t, mintingConfig("counted", ""))
	counted := field("UPLOADCARE_PUB_KEY", "counted")
	serve(t, sign, uploadRequest(formOf(counted, file("file", "a", "b"))))
	serve(t, sign, uploadRequest(formOf(file("file", "a", "b"), counted)))
	serve(t, sign, uploadRequest(formOf(counted, file("file", "a", "b"))[:200])) // cut off
	serve(t, sign, httptest.NewRequest(http.MethodPost, "/group/?pub_key=counted", nil))
	serve(t, sign, httptest.NewRequest(http.MethodGet, "/info/?pub_key=counted", nil)) // is not signed
	left, leave := context.WithCancel(t.Context())
	leave()
	empty := mustSign(t, mintingConfig("counted", `,"threshold":"1m"`)) // whose cache is another
	serve(t, empty, uploadRequest(formOf(counted)).WithContext(left))
	reported.Want(t, map[string]float64{
		`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="accepted",project="counted",reason=""}`:                            2,
		`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="client_gone",project="counted",reason="gone"}`:                     1,
		`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="counted",reason="PostRequestParserFailedError"}`: 1,
		`caddy_uploadcare_uploads_total{endpoint="/group/",outcome="accepted",project="counted",reason=""}`:                           1,
		`caddy_uploadcare_uploads_total{endpoint="/from_url/",outcome="accepted",project="counted",reason=""}`:                        0,
	})
}

func TestAnUploadThatGetsNoAccessTokenIsCountedForItsProject(t *testing.T) {
	sign := mustSign(t, askingConfig("unauthorized", `,"scheme":"token"`))
	fixture.Loaded("").Return(token.Token{}, errors.New("down"))
	if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "unauthorized")))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("response %d %s", w.Code, w.Body)
	}
	reported.Want(t, map[string]float64{`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="unauthorized",reason="GatewayCredentialError"}`: 1})
}

func TestAnUploadOfNoKnownProjectIsCountedWithoutItsName(t *testing.T) {
	sign := mustSign(t, mintingConfig("known", `,"threshold":"1m"`))
	refused := func() float64 {
		t.Helper()
		unknown, _ := reported.Value(t, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="",reason="ProjectPublicKeyInvalidError"}`)
		loop, _ := reported.Value(t, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="",reason="GatewayLoopError"}`)
		return unknown + loop
	}
	before := refused()
	serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "whatever-a-client-sends"))))
	passed, _ := serve(t, sign, httptest.NewRequest(http.MethodGet, "/info/", nil))
	looped := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "known")))
	looped.Header["Cdn-Loop"] = passed.request.Header["Cdn-Loop"]
	serve(t, sign, looped)
	elsewhere := httptest.NewRequest(http.MethodGet, "/info/", nil) // no upload
	elsewhere.Header["Cdn-Loop"] = passed.request.Header["Cdn-Loop"]
	serve(t, sign, elsewhere)
	if after := refused(); after != before+2 {
		t.Errorf("%v after %v", after, before)
	}
	if scraped := reported.Scrape(t); strings.Contains(scraped, "whatever-a-client-sends") {
		t.Errorf("what a client sends is a label:\n%s", scraped)
	}
}

// An upload counts once, however often it is sent; a retry counts as one.
func TestAnUploadIsCountedOnce(t *testing.T) {
	sign := mustSign(t, strings.Replace(mintingConfig("once", ""), `"keys":[`, `"keys":["`+otherSecret+`",`, 1))
	r := httptest.NewRequest(http.MethodPost, "/group/?pub_key=once", nil)
	serveBy(t, sign, r, down)
	upstream := &service{t: t, secret: testSecret}
	upstream.send(sign, httptest.NewRequest(http.MethodPost, "/group/?pub_key=once", nil))
	wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted")
	reported.Want(t, map[string]float64{
		`caddy_uploadcare_uploads_total{endpoint="/group/",outcome="accepted",project="once",reason=""}`:            1,
		`caddy_uploadcare_uploads_total{endpoint="/group/",outcome="upstream_error",project="once",reason="reset"}`: 1,
		`caddy_uploadcare_retries_total{outcome="accepted",project="once"}`:                                         1,
		`caddy_uploadcare_upstream_responses_total{code="4xx",endpoint="/group/",project="once"}`:                   1,
		`caddy_uploadcare_upstream_responses_total{code="2xx",endpoint="/group/",project="once"}`:                   1,
	})
}

// An upload whose upstream cannot be reached is not read, and so does not name its project. But
// a gateway for one alone knows it.
func TestAnUploadThatNoUpstreamTookIsCountedForTheOnlyProject(t *testing.T) {
	of := func(project string) float64 {
		value, _ := reported.Value(t, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="upstream_error",project="`+project+`",reason="reset"}`)
		return value
	}
	config := mintingConfig("untaken", "")
	upload := func() *http.Request { return uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "untaken"))) }
	unknown := of("")
	serveBy(t, mustSign(t, config), upload(), down)
	if got := of("untaken"); got != 1 || of("") != unknown {
		t.Errorf("%v are the project's, and %v nobody's after %v", got, of(""), unknown)
	}
	several := strings.Replace(config, `"projects":[`, `"projects":[{"public_key":"another","source":{"module":"secret_key","keys":["`+testSecret+`"]}},`, 1)
	serveBy(t, mustSign(t, several), upload(), down)
	if got := of("untaken"); got != 1 || of("") != unknown+1 {
		t.Errorf("of one of two, %v are the project's, and %v nobody's after %v", got, of(""), unknown)
	}
}

func TestMetricsSurviveAReloadAndGoWithTheirProject(t *testing.T) {
	const signed = `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="accepted",project="reloaded",reason=""}`
	upload := func(sign *Sign) {
		if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "reloaded")))); w.Code != http.StatusOK {
			t.Errorf("response %d %s", w.Code, w.Body)
		}
	}
	before := mustSign(t, mintingConfig("reloaded", ""))
	upload(before)
	after := mustSign(t, mintingConfig("reloaded", `,"threshold":"1m"`)) // another token cache
	upload(after)
	reported.Want(t, map[string]float64{signed: 2}) // and nothing is there twice
	if err := before.Cleanup(); err != nil {
		t.Fatal(err)
	}
	upload(after)
	reported.Want(t, map[string]float64{signed: 3})
	if err := after.Cleanup(); err != nil {
		t.Fatal(err)
	}
	unknown := func() float64 {
		value, _ := reported.Value(t, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="accepted",project="",reason=""}`)
		return value
	}
	counted := unknown()
	upload(after)                           // which was still under way
	if got := unknown(); got != counted+1 { // invariant 12
		t.Errorf("%v uploads without a project, and %v before", got, counted)
	}
	if scraped := reported.Scrape(t); strings.Contains(scraped, `project="reloaded"`) {
		t.Errorf("the project is gone, and still there:\n%s", scraped)
	}
}
