// SPDX-License-Identifier: Apache-2.0

package rawtest

import (
	"io"
	"net/http"
	"testing"
)

// ReadResponse returns the status and the body of a response. err is the one that was
// returned with it: an error, also of reading the body, fails the test.
func ReadResponse(tb testing.TB, response *http.Response, err error) (int, string) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode, string(body)
}
