// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// curl makes a request and returns status and body of the response.
func curl(t *testing.T, arguments ...string) (status int, response string) {
	t.Helper()
	need(t, "curl", "curl", "--version")
	output := run(t, nil, "curl", append([]string{"-sS", "--max-time", "120", "-w", "\n%{http_code}"}, arguments...)...)
	end := strings.LastIndexByte(output, '\n')
	status, err := strconv.Atoi(output[end+1:])
	if err != nil {
		t.Fatalf("curl: output %q", output)
	}
	return status, output[:end]
}

// expectations are what curl may do before it sends a body.
var expectations = map[string]string{"waiting for 100 Continue": "Expect: 100-continue", "not waiting": "Expect:"}

// Where the parameters of a request stand.
const (
	asMultipart  = "multipart"
	asURLEncoded = "urlencoded"
	asQuery      = "query"
	// asQueryJSON is of clients that label an empty body as JSON.
	asQueryJSON = "query, labelled JSON"
)

// curlRequest is a request to a signed endpoint.
type curlRequest struct {
	method, path, encoding string
	fields                 []string // name=value
	file                   string   // a path, as field "file"
	// prefix is what the names of the credential begin with here.
	prefix string
}

func (r curlRequest) inQuery() bool { return r.encoding == asQuery || r.encoding == asQueryJSON }

// arguments returns those for curl, with a stale pair in the body, the query,
// or both.
func (r curlRequest) arguments(base string, staleBody, staleQuery bool) []string {
	signature, expire := "signature", "expire"
	if r.prefix != "" {
		signature, expire = r.prefix+"SIGNATURE", r.prefix+"EXPIRE"
	}
	stale := []string{signature + "=" + staleSignature, expire + "=" + staleExpire}

	var arguments []string
	flag := map[string]string{asMultipart: "--form-string", asURLEncoded: "--data-urlencode"}[r.encoding]
	if r.file != "" {
		arguments = append(arguments, "-F", "file=@"+r.file)
	}
	if r.encoding == asQueryJSON {
		arguments = append(arguments, "-H", "Content-Type: application/json")
	}
	body, parameters := r.fields, []string(nil)
	if r.inQuery() {
		body, parameters = nil, r.fields
	}
	if staleBody {
		body = slices.Concat(stale, body)
		if flag == "" {
			flag = "--data-urlencode"
		}
	}
	if staleQuery {
		parameters = slices.Concat(parameters, stale)
	}
	for _, field := range body {
		arguments = append(arguments, flag, field)
	}
	address := base + r.path
	if len(parameters) > 0 {
		address += "?" + escape(parameters)
	}
	return append(arguments, "-X", r.method, address)
}

// escape makes a query string of fields, in their order.
func escape(fields []string) string {
	escaped := make([]string, len(fields))
	for i, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		escaped[i] = url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	return strings.Join(escaped, "&")
}

// tryCurl makes the request in all ways of carrying a stale pair, and once past
// the gateway, where it must be refused for want of a signature.
func tryCurl(t *testing.T, s *site, request func() curlRequest, check func(t *testing.T, r curlRequest, response string)) {
	t.Helper()
	r := request()
	t.Run(fmt.Sprintf("%s %s, %s", r.method, r.path, r.encoding), func(t *testing.T) {
		tried(t, "curl", fmt.Sprintf("%s %s, %s", r.method, r.path, r.encoding), "base URL")
		status, response := curl(t, r.arguments(s.sandbox, false, false)...)
		if !strings.HasSuffix(strings.ToLower(response), "signature` is required.") || status != http.StatusBadRequest {
			t.Fatalf("past the gateway: %d %s", status, response)
		}
		for _, stale := range []struct {
			name        string
			body, query bool
		}{
			{"no pair of its own", false, false},
			{"a stale pair in the body", true, false},
			{"a stale pair in the query", false, true},
			{"a stale pair in both", true, true},
		} {
			if r.method == http.MethodGet && stale.body || r.encoding == asQueryJSON && stale.body {
				continue // there is no body
			}
			t.Run(stale.name, func(t *testing.T) {
				r := request()
				status, response := curl(t, r.arguments(s.gateway, stale.body, stale.query)...)
				if status != http.StatusOK {
					t.Fatalf("%d %s", status, response)
				}
				check(t, r, response)
			})
		}
	})
}
