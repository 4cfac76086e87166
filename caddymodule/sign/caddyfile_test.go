// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	const secretKey = `{"keys":["sk"],"module":"secret_key"}`
	tests := map[string]struct{ caddyfile, want string }{
		"bare":            {"uploadcare_sign", `{}`},
		"an empty block":  {"uploadcare_sign {\n}", `{}`},
		"direct options":  {"uploadcare_sign {\n secret_key sk\n threshold 5m\n}", `{"projects":[{"source":` + secretKey + `,"threshold":300000000000}]}`},
		"a direct key":    {"uploadcare_sign {\n project pk\n secret_key sk\n}", `{"projects":[{"public_key":"pk","source":` + secretKey + `}]}`},
		"options before":  {"uploadcare_sign {\n secret_key sk\n project pk\n}", `{"projects":[{"public_key":"pk","source":` + secretKey + `}]}`},
		"several keys":    {"uploadcare_sign {\n secret_key a b\n secret_key c\n}", `{"projects":[{"source":{"keys":["a","b","c"],"module":"secret_key"}}]}`},
		"a token":         {"uploadcare_sign {\n scheme token\n secret_key sk\n operations 5\n}", `{"projects":[{"scheme":"token","source":{"keys":["sk"],"module":"secret_key","operations":5}}]}`},
		"only a lifetime": {"uploadcare_sign {\n lifetime 1h\n}", `{"projects":[{"source":{"lifetime":3600000000000,"module":"secret_key"}}]}`},
		"a project":       {"uploadcare_sign {\n project pk {\n lifetime 1d\n secret_key sk\n threshold 0\n }\n}", `{"projects":[{"public_key":"pk","source":{"keys":["sk"],"lifetime":86400000000000,"module":"secret_key"},"threshold":0}]}`},
		"two projects":    {"uploadcare_sign {\n project pk {\n secret_key sk\n }\n project * {\n secret_key sk\n }\n}", `{"projects":[{"public_key":"pk","source":` + secretKey + `},{"public_key":"*","source":` + secretKey + `}]}`},
		"callers":         {"uploadcare_sign {\n secret_key sk\n callers checked\n}", `{"projects":[{"source":` + secretKey + `,"callers":"checked"}]}`},
		"any callers":     {"uploadcare_sign {\n project pk {\n secret_key sk\n callers anyone\n }\n}", `{"projects":[{"public_key":"pk","source":` + secretKey + `,"callers":"anyone"}]}`},
		"windows":         {"uploadcare_sign {\n http2_windows 16MiB\n}", `{"http2_windows":16777216}`},
		"no windows":      {"uploadcare_sign {\n http2_windows off\n}", `{"http2_windows":-1}`},
		"placeholders":    {"uploadcare_sign {\n project {env.P} {\n secret_key {file./s}\n }\n}", `{"projects":[{"public_key":"{env.P}","source":{"keys":["{file./s}"],"module":"secret_key"}}]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sign, err := unmarshalSign(test.caddyfile)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := json.Marshal(sign); string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestUnmarshalCaddyfileErrorsNameLineAndExpectation(t *testing.T) {
	tests := map[string]struct{ caddyfile, want string }{
		"an argument":              {"uploadcare_sign pk", "unexpected argument 'pk'"},
		"a typo":                   {"uploadcare_sign {\n secret_kye sk\n}", "unrecognized subdirective 'secret_kye': expected project, cors, trace_upstream, http2_windows, scheme, lifetime, operations, threshold, shared, max_file_size, types, from_url, endpoints, max_files, metadata, store, callers or a source of credentials such as secret_key, resolver or static"},
		"a typo in a project":      {"uploadcare_sign {\n project pk {\n lifetme 30m\n }\n}", "unrecognized option 'lifetme' of a project: expected scheme, lifetime, operations, threshold, shared, max_file_size, types, from_url, endpoints, max_files, metadata, store, callers or a source"},
		"a project in a project":   {"uploadcare_sign {\n project pk {\n project pk2\n }\n}", "unrecognized option 'project'"},
		"no public key":            {"uploadcare_sign {\n project {\n secret_key sk\n }\n}", "project takes one argument"},
		"an empty public key":      {"uploadcare_sign {\n project \"\"\n}", "project takes one argument"},
		"two public keys":          {"uploadcare_sign {\n project a b\n}", "project takes one argument"},
		"no secret":                {"uploadcare_sign {\n secret_key\n}", "secret_key takes the secret key, and others to try after it"},
		"an empty secret":          {"uploadcare_sign {\n secret_key \"\"\n}", "secret_key is empty"},
		"a secret with a block":    {"uploadcare_sign {\n secret_key canary {\n x y\n }\n}", "secret_key takes no block"},
		"two lifetimes":            {"uploadcare_sign {\n lifetime 30m\n lifetime 1h\n}", "lifetime already specified"},
		"a flag of another":        {"uploadcare_sign {\n bypasses_policy\n}", "unrecognized subdirective 'bypasses_policy': expected project, cors, trace_upstream, http2_windows"},
		"other callers":            {"uploadcare_sign {\n callers everybody\n}", "callers takes one argument, checked if something before the gateway decides who may upload, or anyone"},
		"no callers":               {"uploadcare_sign {\n callers\n}", "callers takes one argument"},
		"callers, and others":      {"uploadcare_sign {\n callers checked anyone\n}", "callers takes one argument"},
		"callers twice":            {"uploadcare_sign {\n callers checked\n callers anyone\n}", "callers already specified"},
		"callers with a block":     {"uploadcare_sign {\n callers anyone {\n x y\n }\n}", "callers takes no block"},
		"callers and a block":      {"uploadcare_sign {\n project a {\n callers anyone\n }\n secret_key s\n}", "'secret_key' stands outside of the project's block"},
		"two thresholds":           {"uploadcare_sign {\n threshold 1m\n threshold 2m\n}", "threshold already specified"},
		"windows of nothing":       {"uploadcare_sign {\n http2_windows 0\n}", "http2_windows: '0' is not a size such as 60MiB, or off"},
		"windows twice":            {"uploadcare_sign {\n http2_windows off\n http2_windows 1MiB\n}", "http2_windows already specified"},
		"windows without a size":   {"uploadcare_sign {\n http2_windows\n}", "http2_windows takes one argument"},
		"no lifetime":              {"uploadcare_sign {\n lifetime\n}", "lifetime takes one argument"},
		"a number":                 {"uploadcare_sign {\n lifetime 30\n}", "lifetime: '30' is not a duration"},
		"a lifetime of nothing":    {"uploadcare_sign {\n lifetime 0s\n}", "lifetime: 0s is less than 1s"},
		"a negative threshold":     {"uploadcare_sign {\n threshold -1m\n}", "threshold: -1m is less than 0s"},
		"a threshold with a block": {"uploadcare_sign {\n threshold 1m {\n x\n }\n}", "threshold takes no block"},
		"direct and two projects":  {"uploadcare_sign {\n project a\n project b\n secret_key s\n}", "'secret_key' stands outside of a project"},
		"direct and in a block":    {"uploadcare_sign {\n project a {\n secret_key s\n }\n threshold 1m\n}", "'threshold' stands outside of the project's block"},
		"a lifetime of another":    {"uploadcare_sign {\n no_unmarshaler\n}", "unrecognized subdirective 'no_unmarshaler'"},
		"a source without syntax":  {"uploadcare_sign {\n scripted_in_test\n}", "not a Caddyfile unmarshaler"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := unmarshalSign(test.caddyfile)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if !strings.Contains(err.Error(), "Testfile:") && name != "a source without syntax" {
				t.Errorf("no line in %q", err)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the secret is shown in %q", err)
			}
		})
	}
}
