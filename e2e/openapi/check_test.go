// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// checker makes requests, validates their responses, and records which of the
// document's responses it has seen.
type checker struct {
	document *openapi3.T
	seen     map[responseKey]bool
}

// responseKey is one documented response. text is empty for those that are no refusal.
type responseKey struct {
	method, path, status, text string
}

// expectation is what a request is to get as a response.
type expectation struct {
	status int
	text   string // of a refusal
	schema string // of an object, where the document allows any of several
}

func refused(status int, text string) expectation { return expectation{status: status, text: text} }

// check makes a request of the operation at path and returns the response's body.
func (c *checker) check(t *testing.T, path string, request *http.Request, want expectation) []byte {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != want.status || (want.text != "" && string(body) != want.text) {
		t.Fatalf("response = %d %s, want %d %s", response.StatusCode, body, want.status, want.text)
	}
	item := c.document.Paths.Value(path)
	operation := item.GetOperation(request.Method)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request,
			Route:   &routers.Route{Spec: c.document, Path: path, PathItem: item, Method: request.Method, Operation: operation},
		},
		Status:  response.StatusCode,
		Header:  response.Header,
		Body:    io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		t.Errorf("%s %s: %v\n%s", request.Method, path, err, body)
	}
	c.checkHeaders(t, operation.Responses.Status(want.status).Value, response.Header)
	if want.schema != "" {
		if err := checkSchema(c.document, want.schema, body); err != nil {
			t.Errorf("%s %s: %v\n%s", request.Method, path, err, body)
		}
	}
	c.record(t, request.Method, path, want, operation)
	return body
}

// checkHeaders demands the documented headers, of which the validator only
// checks those that are there.
func (c *checker) checkHeaders(t *testing.T, documented *openapi3.Response, header http.Header) {
	t.Helper()
	for name := range documented.Headers {
		if header.Get(name) == "" {
			t.Errorf("there is no %s in %v", name, header)
		}
	}
	if header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("no page may read the response: %v", header)
	}
}

// record notes which documented response this was. A refusal has to be one of
// those that the document lists for the operation: the longest, where
// placeholders let it be several.
func (c *checker) record(t *testing.T, method, path string, want expectation, operation *openapi3.Operation) {
	t.Helper()
	var found []responseKey
	for key := range documentedResponses(method, path, operation) {
		isStatus := operation.Responses.Value(key.status) == operation.Responses.Status(want.status)
		if isStatus && (key.text == "" || matches(key.text, want.text)) {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		t.Errorf("%s %s: the document has no %d %q", method, path, want.status, want.text)
		return
	}
	slices.SortFunc(found, func(a, b responseKey) int { return literalLength(a.text) - literalLength(b.text) })
	c.seen[found[len(found)-1]] = true
}

// documentedResponses returns every response that an operation may give.
func documentedResponses(method, path string, operation *openapi3.Operation) map[responseKey]bool {
	responses := make(map[responseKey]bool)
	for status, response := range operation.Responses.Map() {
		plain := response.Value.Content.Get("text/plain")
		if plain == nil || strings.HasPrefix(status, "2") {
			responses[responseKey{method, path, status, ""}] = true
			continue
		}
		for _, text := range refusals(plain.Schema.Value) {
			responses[responseKey{method, path, status, text}] = true
		}
	}
	return responses
}

// checkCoverage demands that every documented response was seen, or is listed as
// one that cannot be, and that nothing is listed without need.
func (c *checker) checkCoverage(t *testing.T) {
	t.Helper()
	var missing []string
	excused := make(map[string]bool)
	for path, item := range c.document.Paths.Map() {
		for method, operation := range item.Operations() {
			for key := range documentedResponses(method, path, operation) {
				reason := key.text
				if _, ok := unprovoked[path+" "+key.text]; ok {
					reason = path + " " + key.text
				}
				_, isExcused := unprovoked[reason]
				switch {
				case c.seen[key] && isExcused:
					t.Errorf("%v was provoked, and is listed as what cannot be", key)
				case isExcused:
					excused[reason] = true
				case !c.seen[key]:
					missing = append(missing, strings.Join([]string{method, path, key.status, key.text}, " "))
				}
			}
		}
	}
	sort.Strings(missing)
	for _, response := range slices.Compact(missing) {
		t.Errorf("not provoked: %s", response)
	}
	for reason := range unprovoked {
		if !excused[reason] {
			t.Errorf("the document does not have %q, which is listed as unprovoked", reason)
		}
	}
	t.Logf("%d documented responses were validated", len(c.seen))
}
