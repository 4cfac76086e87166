// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

const signConfig = `{"projects":[{"public_key":"shown","source":{"module":"secret_key","keys":["` + fixture.Secret + `","another"]}}]}`

func loadSign(t *testing.T, config string) {
	t.Helper()
	if _, err := fixture.Load[any](t, "http.handlers.uploadcare_sign", config); err != nil {
		t.Fatal(err)
	}
}

// route returns the response of the admin API, as Caddy asks its modules for it.
func route(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	admin := fixture.MustLoad[*Admin](t, "admin.api.uploadcare", "{}")
	for _, route := range admin.Routes() {
		if route.Pattern != path {
			continue
		}
		recorder := httptest.NewRecorder()
		err := route.Handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
		if apiError, ok := errors.AsType[caddy.APIError](err); ok {
			recorder.Code = apiError.HTTPStatus
		} else if err != nil {
			t.Fatal(err)
		}
		return recorder
	}
	t.Fatalf("no route %s", path)
	return nil
}

func TestTheAdminAPIShowsProjectsAndNoSecret(t *testing.T) {
	loadSign(t, signConfig)
	response := route(t, http.MethodGet, Path)
	var gateway Gateway
	if err := json.Unmarshal(response.Body.Bytes(), &gateway); err != nil {
		t.Fatal(err)
	}
	if len(gateway.Projects) != 1 || !gateway.Ready || gateway.Version == "" || gateway.Caddy == "" {
		t.Fatalf("got %+v", gateway)
	}
	shown := gateway.Projects[0]
	if shown.Project != "shown" || shown.Source != "secret_key" || shown.SecretKey != 1 || shown.SecretKeys != 2 || shown.State != "not_asked" {
		t.Errorf("got %+v", shown)
	}
	if strings.Contains(response.Body.String(), fixture.Secret) { // invariant 8
		t.Errorf("the secret is in %s", response.Body)
	}
	if response := route(t, http.MethodPost, Path); response.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", response.Code)
	}
}

func TestHealthOfTheAdminAPI(t *testing.T) {
	check := func(path string, status int, text string) {
		t.Helper()
		if got := route(t, http.MethodGet, path); got.Code != status || got.Body.String() != text {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	check(PathLive, http.StatusOK, "ok\n")
	check(PathReady, http.StatusServiceUnavailable, "not ready\n") // there is no project
	loadSign(t, signConfig)
	check(PathReady, http.StatusOK, "ok\n")
	if got := route(t, http.MethodHead, PathReady); got.Body.Len() > 0 || got.Code != http.StatusOK {
		t.Errorf("HEAD: %d %q", got.Code, got.Body)
	}
}

// localSource is a guest that makes credentials on this machine.
type localSource struct{ fixture.Source }

func (*localSource) Local() {}

func (*localSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "uploadcare.sources.local_in_test", New: func() caddy.Module { return new(localSource) }}
}

func init() { caddy.RegisterModule(new(localSource)) }

func TestTheSiteTellsTheOutsideNothingButReadiness(t *testing.T) {
	health, logs, err := fixture.LoadObserved[*Health](t, "http.handlers.uploadcare_health", "{}")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(method, path string) (status int, text string, passed bool) {
		t.Helper()
		recorder := httptest.NewRecorder()
		err := health.ServeHTTP(recorder, httptest.NewRequest(method, path, nil), caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
			passed = true
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		return recorder.Code, recorder.Body.String(), passed
	}
	sign := fixture.MustLoad[caddyhttp.MiddlewareHandler](t, "http.handlers.uploadcare_sign",
		`{"projects":[{"public_key":"broken","source":{"module":"local_in_test"}}]}`)
	if status, text, _ := serve(http.MethodGet, "/healthz"); status != http.StatusOK || text != "ok\n" {
		t.Errorf("before an upload: %d %s", status, text)
	}

	fixture.Loaded("").Return(token.Token{}, errors.New("the device is gone"))
	upload := httptest.NewRequest(http.MethodGet, "/from_url/?pub_key=broken&source_url=x", nil)
	upload = caddyhttp.PrepareRequest(upload, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
	_ = sign.ServeHTTP(httptest.NewRecorder(), upload, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("it was passed on unsigned")
		return nil
	}))
	for range 3 {
		if status, text, _ := serve(http.MethodGet, "/healthz"); status != http.StatusServiceUnavailable || text != "not ready\n" {
			t.Errorf("without a credential: %d %s", status, text)
		}
	}
	if status, _, _ := serve(http.MethodGet, "/healthz/live"); status != http.StatusOK {
		t.Errorf("a restart would not help: %d", status)
	}
	if _, _, passed := serve(http.MethodPost, "/base/"); !passed {
		t.Error("without a matcher, uploads are lost")
	}
	fixture.WantLines(t, logs, "warn the gateway is not ready; health checks get 503 cause=no project can be signed for on this machine "+
		"projects=map[broken:its credentials are made on this machine, by local_in_test, which fails]")
	if calls := fixture.Loaded("").Calls(); calls != 1 {
		t.Errorf("a probe has asked the source: %d calls", calls)
	}
}
