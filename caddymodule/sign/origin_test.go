// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"slices"
	"strings"
	"testing"
)

// What is no origin, or not what is likely to have been meant, is a load error that
// says so.
func TestOriginsThatAreNoneAreLoadErrors(t *testing.T) {
	tests := map[string]string{
		"*":                        "it would admit the pages of every site",
		"{env.ORIGINS}":            "placeholders are not replaced here",
		"https://{env.HOST}":       "placeholders are not replaced here",
		"https://a.example,":       "origins stand apart by blanks",
		"":                         "a scheme and :// are missing",
		"www.example.com":          "a scheme and :// are missing",
		"*.example.com":            "a scheme and :// are missing",
		"Null":                     "a scheme and :// are missing",
		"https:/www.example.com":   "a scheme and :// are missing",
		"https//www.example.com":   "a scheme and :// are missing",
		"://www.example.com":       "is not a scheme",
		"1app://a":                 "is not a scheme",
		"my app://a":               "is not a scheme",
		"https:://a":               "is not a scheme",
		"htps://www.example.com":   "looks like a typo of https",
		"httpss://www.example.com": "looks like a typo of https",
		"https://www.example.com/": "has nothing after its host and port",
		"https://a/b":              "has nothing after its host and port",
		"https://a?b":              "has nothing after its host and port",
		"https://a#b":              "has nothing after its host and port",
		"https://user@a":           "has no user",
		"https://":                 "the host is missing",
		"https://*.":               "the host is missing",
		"https://:8443":            "the host is missing",
		"https://*":                "* stands for whole labels at the beginning of a host",
		"https://*:8443":           "* stands for whole labels",
		"https://*example.com":     "* stands for whole labels",
		"https://a.*.com":          "* stands for whole labels",
		"https://*.*.com":          "* stands for whole labels",
		"chrome-extension://*":     "* stands for whole labels",
		"https://*.127.0.0.1":      "an IP address has no subdomains",
		"https://a:":               "is not a port",
		"https://a:0":              "is not a port",
		"https://a:65536":          "is not a port",
		"https://a:*":              "is not a port",
		"https://a:b":              "is not a port",
		"https://[::1":             "is not a",
		"https://[127.0.0.1]":      "is not an address",
		"https://[fe80::1%eth0]":   "is not an address",
		"https://a b":              "is not a host",
		"https://a..b":             "is not a host",
		"https://.a":               "is not a host",
		"https://xn--a":            "is not a host",
		"https://a,https://b":      "has nothing after its host and port",
		"https://a,b":              "is not a host",
		"https://a%20b":            "is not a host",
		"javascript:alert(1)":      "a scheme and :// are missing",
	}
	for text, want := range tests {
		if _, err := newSign(t, `{"cors":["`+text+`"],"projects":[{"public_key":"p","source":{"module":"secret_key","keys":["s"]}}]}`); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOriginsOfSeveralLinesAddUp(t *testing.T) {
	want := []string{"https://a", "null", "capacitor://localhost", "https://*.example.com"}
	for _, text := range []string{
		"{\\n cors https://a null\\n cors capacitor://localhost https://*.example.com\\n}",
		"{\\n cors https://a\\n secret_key s\\n cors null capacitor://localhost\\n cors https://*.example.com\\n}",
	} {
		text = strings.ReplaceAll(text, "\\n", "\n")
		sign, err := unmarshalSign("uploadcare_sign " + text)
		if err != nil || !slices.Equal(sign.CORS, want) {
			t.Errorf("%v, %v", err, sign)
		}
		if err := unmarshalSignature("uploadcare_signature " + text); err != nil {
			t.Error(err)
		}
	}
	for text, want := range map[string]string{
		"uploadcare_sign {\n cors\n}":                                   "cors takes origins such as",
		"uploadcare_sign {\n cors *\n}":                                 `Testfile:2`,
		"uploadcare_sign {\n cors https://a\n cors http:b\n}":           `Testfile:3`,
		"uploadcare_sign {\n cors https://a\n cors https://A:443\n}":    "https://A:443 is there twice",
		"uploadcare_sign {\n cors https://a null https://a\n}":          "https://a is there twice",
		"uploadcare_sign {\n cors https://a {\n b\n }\n}":               "cors takes no block",
		"uploadcare_sign {\n project p {\n cors https://a\n }\n}":       "unrecognized option 'cors' of a project",
		"uploadcare_signature {\n cors https://a\n cors https://a/b\n}": `"https://a/b" is not an origin`,
	} {
		_, err := unmarshalSign(text)
		if strings.HasPrefix(text, "uploadcare_signature") {
			err = unmarshalSignature(text)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
