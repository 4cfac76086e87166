// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// pairs makes values of names and values in turn.
func pairs(list ...string) url.Values {
	values := make(url.Values)
	for i := 0; i < len(list); i += 2 {
		values.Add(list[i], list[i+1])
	}
	return values
}

// signedParams returns what signs a request that takes parameters, and more.
// key is the endpoint's name for the public key.
func signedParams(key string, more ...string) url.Values {
	expire := strconv.Itoa(testNow + 60)
	values := pairs(more...)
	values.Set(key, testPublicKey)
	values.Set("signature", token.Sign(testSecretKey, expire))
	values.Set("expire", expire)
	return values
}

// encodings are the ways in which parameters arrive.
var encodings = map[string]func(target string, values url.Values) *http.Request{
	"urlencoded": urlencodedRequest,
	"multipart": func(target string, values url.Values) *http.Request {
		var parts []string
		for name, texts := range values {
			for _, text := range texts {
				parts = append(parts, field(name, text))
			}
		}
		return uploadRequest(target, formOf(parts...))
	},
	"urlencoded, labelled as JSON": func(target string, values url.Values) *http.Request {
		r := urlencodedRequest(target, values)
		r.Header.Set("Content-Type", "application/json")
		return r
	},
	"query": func(target string, values url.Values) *http.Request {
		return httptest.NewRequest(http.MethodPost, target+"?"+values.Encode(), nil)
	},
	"query, empty body labelled as JSON": func(target string, values url.Values) *http.Request {
		r := httptest.NewRequest(http.MethodPost, target+"?"+values.Encode(), nil)
		r.Header.Set("Content-Type", "application/json")
		return r
	},
	"body and query": func(target string, values url.Values) *http.Request {
		query := make(url.Values)
		for name := range values {
			if name == "signature" || name == "pub_key" || name == "UPLOADCARE_PUB_KEY" {
				query[name] = values[name]
			}
		}
		body := make(url.Values)
		for name := range values {
			if !query.Has(name) {
				body[name] = values[name]
			}
		}
		return urlencodedRequest(target+"?"+query.Encode(), body)
	},
}

func urlencodedRequest(target string, values url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (f *fixture) post(t *testing.T, target string, values url.Values) *httptest.ResponseRecorder {
	t.Helper()
	return f.do(t, urlencodedRequest(target, values))
}

// decode reads a response that has to be a JSON one.
func decode[T any](t *testing.T, response *httptest.ResponseRecorder) T {
	t.Helper()
	var value T
	if response.Code != http.StatusOK || response.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("response = %d %s %s", response.Code, response.Header().Get("Content-Type"), response.Body)
	}
	if err := json.Unmarshal(response.Body.Bytes(), &value); err != nil {
		t.Fatalf("response %s: %v", response.Body, err)
	}
	return value
}

// serve puts the handler on a port of its own, as Caddy would.
func (f *fixture) serve(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f.ServeHTTP(w, r, nil); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// send does a request at a real server and returns status and body.
func send(t *testing.T, method, target string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
