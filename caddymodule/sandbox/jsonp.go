// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
)

// callbackPattern is what a JSONP callback may be called.
var callbackPattern = regexp.MustCompile(`^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$`)

// writeJSONP calls back with the response where that is asked for by a name that
// is nothing but a name.
func writeJSONP(w http.ResponseWriter, callback string, response any) error {
	if !callbackPattern.MatchString(callback) {
		return writeJSON(w, response)
	}
	encoded, err := json.Marshal(response)
	if err != nil {
		return err
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	writeBody(w, "application/javascript; charset=utf-8", slices.Concat([]byte(callback+"("), encoded, []byte(")")))
	return nil
}
