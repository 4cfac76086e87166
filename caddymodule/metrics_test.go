// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// obliging is a source whose token, or error, the test sets.
type obliging struct {
	Key   string `json:"key,omitempty"`
	token Token
	err   error
}

func (obliging) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "uploadcare.sources.obliging_in_test", New: func() caddy.Module { return new(obliging) }}
}
func (o *obliging) Token(context.Context, time.Time) (Token, error) { return o.token, o.err }
func (o *obliging) CacheKey() string                                { return o.Key }

func init() { caddy.RegisterModule(obliging{}) }

// scrape returns what Prometheus is told of the gateway.
func scrape(t *testing.T) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := metrics.register(registry); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// metric returns the value of one series, or false if there is none.
func metric(t *testing.T, series string) (float64, bool) {
	t.Helper()
	_, rest, found := strings.Cut(scrape(t), "\n"+series+" ")
	if !found {
		return 0, false
	}
	line, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(line, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value, true
}

// wantMetrics checks values of series.
func wantMetrics(t *testing.T, want map[string]float64) {
	t.Helper()
	for series, value := range want {
		if got, found := metric(t, series); !found || got != value {
			t.Errorf("%s is %v (there: %t), want %v", series, got, found, value)
		}
	}
}

// mintingConfig returns the config of a project that makes its own signatures.
func mintingConfig(publicKey, options string) string {
	return `{"projects":[{"public_key":"` + publicKey + `"` + options + `,"source":{"module":"secret_key","keys":["` + testSecret + `"]}}]}`
}

// askingConfig returns the config of a project whose source does what the test says.
func askingConfig(publicKey, options string) string {
	return `{"projects":[{"public_key":"` + publicKey + `"` + options + `,"source":{"module":"obliging_in_test"}}]}`
}

func TestMetricsFollowTheConventions(t *testing.T) {
	sign := mustSign(t, mintingConfig("conventions", ""))
	serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "conventions"))))
	registry := prometheus.NewPedanticRegistry()
	for range 2 { // as two handlers of one config do
		if err := metrics.register(registry); err != nil {
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
	sign.Projects[0].credentials.cache.Clear()
	serve(t, sign, uploadRequest(formOf(counted)).WithContext(left)) // neither signed nor refused
	wantMetrics(t, map[string]float64{
		`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="signed",project="counted"}`:     2,
		`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="counted"}`:    1,
		`caddy_uploadcare_uploads_total{endpoint="/group/",outcome="signed",project="counted"}`:    1,
		`caddy_uploadcare_uploads_total{endpoint="/from_url/",outcome="signed",project="counted"}`: 0,
	})
}

func TestAnUploadThatGetsNoAccessTokenIsCountedForItsProject(t *testing.T) {
	sign := mustSign(t, askingConfig("unauthorized", `,"scheme":"token"`))
	sign.Projects[0].source.(*obliging).err = errors.New("down")
	if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "unauthorized")))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	wantMetrics(t, map[string]float64{`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="unauthorized"}`: 1})
}

func TestAnUploadOfNoKnownProjectIsCountedWithoutItsName(t *testing.T) {
	sign := mustSign(t, mintingConfig("known", `,"threshold":"1m"`))
	const refused = `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project=""}`
	before, _ := metric(t, refused)
	serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "whatever-a-client-sends"))))
	looped := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "known")))
	looped.Header.Set(loopHeader, sign.loopMark)
	serve(t, sign, looped)
	elsewhere := httptest.NewRequest(http.MethodGet, "/info/", nil) // no upload
	elsewhere.Header.Set(loopHeader, sign.loopMark)
	serve(t, sign, elsewhere)
	if after, _ := metric(t, refused); after != before+2 {
		t.Errorf("%v after %v", after, before)
	}
	if scraped := scrape(t); strings.Contains(scraped, "whatever-a-client-sends") {
		t.Errorf("what a client sends is a label:\n%s", scraped)
	}
}

// An upload that got its credential is not counted again when the upstream
// fails after that, or when it is sent once more.
func TestAnUploadIsCountedOnce(t *testing.T) {
	sign := mustSign(t, mintingConfig("once", ""))
	r := httptest.NewRequest(http.MethodPost, "/group/?pub_key=once", nil)
	down := func(http.ResponseWriter, *http.Request) error {
		return caddyhttp.Error(http.StatusBadGateway, errors.New("connection refused"))
	}
	if err := sign.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(down)); err != nil {
		t.Fatal(err)
	}
	u := &upload{sign: sign, endpoint: uploadapi.Signed(http.MethodPost, "/group/"), ctx: t.Context(), query: "pub_key=once"}
	for range 2 {
		if _, err := u.credential(); err != nil {
			t.Fatal(err)
		}
	}
	wantMetrics(t, map[string]float64{
		`caddy_uploadcare_uploads_total{endpoint="/group/",outcome="signed",project="once"}`:  2,
		`caddy_uploadcare_uploads_total{endpoint="/group/",outcome="refused",project="once"}`: 0,
	})
}

// A streamed upload whose upstream cannot be reached, so that it is not read.
func TestAnUploadThatNoUpstreamTookIsCountedAsRefused(t *testing.T) {
	sign := mustSign(t, mintingConfig("untaken", ""))
	serveWith := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		return caddyhttp.Error(http.StatusBadGateway, errors.New("connection refused"))
	})
	r := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "untaken")))
	r.URL.RawQuery = "pub_key=untaken"
	before, _ := metric(t, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project=""}`)
	if err := sign.ServeHTTP(httptest.NewRecorder(), r, serveWith); err != nil {
		t.Fatal(err)
	}
	if after, _ := metric(t, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project=""}`); after != before+1 {
		t.Errorf("%v after %v", after, before)
	}
}

func TestWhatASourceAnswersIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sign := mustSign(t, askingConfig("asked", `,"fallback":{"module":"obliging_in_test","key":"stands in"}`))
		project := sign.Projects[0]
		source, fallback := project.source.(*obliging), project.fallback.(*obliging)
		fallback.token = token.Mint(testSecret, time.Now(), 24*time.Hour)
		ask := func() error {
			_, err := project.Grantor().Token(t.Context())
			return err
		}
		for _, answer := range []error{errors.New("down"), fmt.Errorf("%w: who are you", ErrRefused), nil} {
			source.token, source.err = token.Mint(testSecret, time.Now(), time.Hour), answer
			if err := ask(); err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("%v: %v", answer, err)
			}
			time.Sleep(time.Minute)
		}
		if err := ask(); err != nil { // which is cached
			t.Error(err)
		}
		wantMetrics(t, map[string]float64{
			`caddy_uploadcare_token_requests_total{outcome="ok",project="asked",source="obliging_in_test"}`:      1,
			`caddy_uploadcare_token_requests_total{outcome="refused",project="asked",source="obliging_in_test"}`: 1,
			`caddy_uploadcare_token_requests_total{outcome="failed",project="asked",source="obliging_in_test"}`:  1,
			`caddy_uploadcare_token_request_duration_seconds_count{project="asked",source="obliging_in_test"}`:   3,
			`caddy_uploadcare_fallback_uses_total{project="asked"}`:                                              1,
			`caddy_uploadcare_token_expiry_timestamp_seconds{project="asked"}`:                                   float64(source.token.Expire),
			`caddy_uploadcare_credentials_rejected_total{project="asked",reason="expired"}`:                      0,
		})
		project.metrics.rejected(rejectedExpired)
		project.metrics.rejected("whatever the service says")
		project.credentials.clock.Correct(-1500 * time.Millisecond)
		wantMetrics(t, map[string]float64{
			`caddy_uploadcare_credentials_rejected_total{project="asked",reason="expired"}`: 1,
			`caddy_uploadcare_clock_offset_seconds{project="asked"}`:                        -1.5,
		})
		if scraped := scrape(t); strings.Contains(scraped, "whatever the service says") {
			t.Error("a reason of the service's own is a label")
		}
	})
}

// A token that has expired already is no answer, and is logged and counted as
// none.
func TestAnExpiredTokenOfASourceIsCountedAsAFailure(t *testing.T) {
	project := mustSign(t, askingConfig("stale", "")).Projects[0]
	project.source.(*obliging).token = token.Mint(testSecret, time.Now(), 0)
	if _, err := project.Grantor().Token(t.Context()); !errors.Is(err, token.ErrExpired) {
		t.Error(err)
	}
	wantMetrics(t, map[string]float64{
		`caddy_uploadcare_token_requests_total{outcome="ok",project="stale",source="obliging_in_test"}`:     0,
		`caddy_uploadcare_token_requests_total{outcome="failed",project="stale",source="obliging_in_test"}`: 1,
	})
}

func TestMetricsSurviveAReloadAndGoWithTheirProject(t *testing.T) {
	const signed = `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="signed",project="reloaded"}`
	upload := func(sign *Sign) {
		if _, w := serve(t, sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "reloaded")))); w.Code != http.StatusOK {
			t.Errorf("answer %d %s", w.Code, w.Body)
		}
	}
	before := mustSign(t, mintingConfig("reloaded", ""))
	upload(before)
	after := mustSign(t, mintingConfig("reloaded", `,"threshold":"1m"`)) // another token cache
	upload(after)
	wantMetrics(t, map[string]float64{signed: 2}) // and nothing is there twice
	if err := before.Cleanup(); err != nil {
		t.Fatal(err)
	}
	upload(after)
	wantMetrics(t, map[string]float64{signed: 3})
	if err := after.Cleanup(); err != nil {
		t.Fatal(err)
	}
	upload(after) // which was still under way
	if scraped := scrape(t); strings.Contains(scraped, `project="reloaded"`) {
		t.Errorf("the project is gone, and still there:\n%s", scraped)
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	sign := mustSign(t, mintingConfig("allocating", ""))
	u := &upload{sign: sign, endpoint: uploadapi.Signed(http.MethodPost, "/base/")}
	if err := u.choose("allocating"); err != nil {
		t.Fatal(err)
	}
	if allocations := testing.AllocsPerRun(1000, func() {
		u.counted.Store(false)
		u.countSigned()
	}); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// BenchmarkCounting is what the metrics cost an upload.
func BenchmarkCounting(b *testing.B) {
	sign := new(Sign)
	if err := json.Unmarshal([]byte(mintingConfig("benchmark", "")), sign); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if err := sign.Provision(ctx); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sign.Cleanup() }()
	endpoint := uploadapi.Signed(http.MethodPost, "/base/")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		u := &upload{sign: sign, endpoint: endpoint, project: sign.Projects[0]}
		for pb.Next() {
			u.counted.Store(false)
			u.countSigned()
		}
	})
}
