// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// accessLine is a line of the access log.
type accessLine struct {
	Uploadcare map[string]any `json:"uploadcare"`
	Appended   string         `json:"appended"`
	Request    struct {
		URI string `json:"uri"`
	} `json:"request"`
}

// Invariant 12 in the access log: each upload's line says what has become of it, and so do
// the request variables, for log_append and error routes. Where there was no upload, they
// are empty.
func TestInvariant12TheAccessLogSaysWhatBecameOfAnUpload(t *testing.T) {
	d := newDemo(t)
	logged := filepath.Join(t.TempDir(), "access.log")
	site := freeAddress(t)
	startCaddy(t, d.caddyfile("callers anyone", "")+fmt.Sprintf(`http://%s {
	bind 127.0.0.1
	log {
		output file %s
		format json
	}
	log_append appended {http.vars.uploadcare_outcome}
	respond /elsewhere "nothing"
	uploadcare {
		project demopublickey {
			secret_key demosecretkey
			callers anyone
		}
		upstream http://%s
		cors https://page.example.com
	}
	handle_errors {
		respond "{http.vars.uploadcare_outcome}: {http.vars.uploadcare_reason}" 418
	}
}
`, site, logged, d.sandbox))
	send := func(path, form string) string {
		request := newUpload(t, "http://"+site+path, strings.NewReader(form))
		request.Header.Set("User-Agent", "curl/7.88.1")
		response := do(t, http.DefaultClient, request)
		return fmt.Sprint(response.StatusCode, " ", readAll(t, response))
	}
	form := formOf(key, file("file", "meow"))
	send("/base/", form)
	if got := send("/base/", formOf(field("UPLOADCARE_PUB_KEY", "another"), file("file", "meow"))); got != "418 refused: ProjectPublicKeyInvalidError" {
		t.Errorf("the error route says %s", got)
	}
	send("/base/?jsonerrors=1", formOf(key))
	strange := newUpload(t, "http://"+site+"/base/", strings.NewReader(form))
	strange.Header.Set("Origin", "https://strange.example.com")
	if response := do(t, http.DefaultClient, strange); readAll(t, response) != "refused: GatewayOriginError" {
		t.Errorf("the error route says %d to a page of another origin", response.StatusCode)
	}
	if got := send("/elsewhere", form); got != "200 nothing" {
		t.Error(got)
	}

	want := []struct {
		object   map[string]any
		appended string
	}{
		{map[string]any{"project": "demopublickey", "endpoint": "/base/", "outcome": "accepted", "client": "curl", "bytes": float64(len(form)), "files": 1.0, "retries": 0.0}, "accepted"},
		{map[string]any{"endpoint": "/base/", "outcome": "refused", "reason": "ProjectPublicKeyInvalidError", "client": "curl"}, "refused"},
		{map[string]any{"project": "demopublickey", "outcome": "rejected", "reason": "FilesRequiredError"}, "rejected"},
		{map[string]any{"outcome": "refused", "reason": "GatewayOriginError", "endpoint": "/base/"}, "refused"},
		{nil, ""},
	}
	var lines []string
	eventually(t, "all is logged", func() bool {
		content, _ := os.ReadFile(logged)
		lines = strings.Split(strings.TrimSpace(string(content)), "\n")
		return len(lines) == len(want) && strings.HasSuffix(string(content), "\n")
	})
	for i, line := range lines {
		var got accessLine
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got.Appended != want[i].appended {
			t.Errorf("line %d: log_append says %q, want %q", i, got.Appended, want[i].appended)
		}
		for name, value := range want[i].object {
			if got.Uploadcare[name] != value {
				t.Errorf("line %d: %s is %v, want %v", i, name, got.Uploadcare[name], value)
			}
		}
		if want[i].object == nil && got.Uploadcare != nil {
			t.Errorf("line %d is of no upload, and has %v", i, got.Uploadcare)
		}
		if remaining, ok := got.Uploadcare["remaining"].(float64); i == 0 && (!ok || remaining < 600) {
			t.Errorf("the credential was valid for %v seconds", got.Uploadcare["remaining"])
		}
		if want[i].object != nil && got.Uploadcare["request_id"] == nil {
			t.Errorf("line %d has no request id: %s", i, line)
		}
	}
}
