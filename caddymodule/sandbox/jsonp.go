// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
)

// callbackPattern matches the names that a JSONP callback may have: nothing else may become
// part of a script.
var callbackPattern = regexp.MustCompile(`^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$`)

// writeJSONP writes a response as a script that calls callback, or as JSON if callback is
// empty or no name. The service does so for old browsers, which read JSON from another
// origin only in this way.
func writeJSONP(w http.ResponseWriter, callback string, response any) error {
	if !callbackPattern.MatchString(callback) {
		return writeJSON(w, response)
	}
	encoded, err := json.Marshal(response)
	if err != nil {
		return err
	}
	w.Header().Set("X-Content-Type-Options", "nosniff") // it must not be taken for a page
	writeBody(w, "application/javascript; charset=utf-8", slices.Concat([]byte(callback+"("), encoded, []byte(")")))
	return nil
}
