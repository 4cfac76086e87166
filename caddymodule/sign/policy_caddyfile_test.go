// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"strings"
	"testing"
)

func TestUnmarshalPolicyErrorsNameLineAndExpectation(t *testing.T) {
	for option, want := range map[string]string{
		"max_file_size":                       "max_file_size takes one argument, a size such as 25MiB",
		"max_file_size 25 MiB":                "max_file_size takes one argument, a size such as 25MiB",
		"max_file_size much":                  "max_file_size: 'much' is not a size such as 25MiB",
		"max_file_size 0":                     "max_file_size: '0' is not a size such as 25MiB",
		"max_file_size -1":                    "max_file_size: '-1' is not a size",
		"max_file_size 1MB\nmax_file_size 2B": "max_file_size already specified",
		"types":                               "types takes media types and file name extensions such as image/*",
		"types pictures":                      `types "pictures"`,
		"types .jpg {\n  .png\n }":            "types takes no block",
		"from_url":                            "from_url takes hosts such as cdn.example.com",
		"from_url https://example.com/":       `from_url "https://example.com/"`,
		"from_url off cdn.example.com":        `"off" stands among hosts`,
		"endpoints":                           "endpoints takes some of base, multipart, from_url and group",
		"endpoints upload":                    `endpoints "upload"`,
		"max_files 0":                         "max_files: '0' is not a positive number",
		"max_files 2\nmax_files 3":            "max_files already specified",
		"metadata user":                       "metadata takes two arguments, a key and a value",
		"metadata u/ser x":                    `metadata "u/ser"`,
		"metadata user a\nmetadata user b":    "metadata user already specified",
		"metadata user {http.request.body}":   "metadata user: {http.request.body}: the body is not available",
		"metadata user {http.request.tpyo}":   "metadata user: there is no placeholder {http.request.tpyo}",
		"store":                               "store takes one argument, 0, 1 or auto",
		"store never":                         `store "never"`,
		"store 1\nstore 0":                    "store already specified",
	} {
		_, err := unmarshalSign("uploadcare_sign {\n project pk {\n secret_key sk\n " + option + "\n }\n}")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Testfile:") {
			t.Errorf("%q: %v, want %q and the line", option, err, want)
		}
	}
}

// What a line cannot show is an error when the config is loaded.
func TestPoliciesAreCheckedWhenTheyAreLoaded(t *testing.T) {
	for policy, want := range map[string]string{
		`{"max_file_size":-1}`:                                  "max_file_size",
		`{"from_url":["off","a.example.com"]}`:                  `"off" stands among hosts`,
		`{"metadata":{"user":"{http.request.body}"}}`:           "the body is not available",
		`{"types":["image"]}`:                                   `types "image"`,
		`{"metadata":{"":"x"}}`:                                 "metadata",
		`{"store":"{http.request.body_base64}"}`:                "the body is not available",
		`{"metadata":{"k":"` + strings.Repeat("x", 513) + `"}}`: "metadata",
	} {
		_, err := newSign(t, `{"projects":[{"public_key":"pk","source":{"module":"secret_key","keys":["`+testSecret+`"]},"policy":`+policy+`}]}`)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "project pk") {
			t.Errorf("%s: %v, want %q", policy, err, want)
		}
	}
}
