// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// curlWays are ways in which curl sends a body: with a length, without one, over HTTP/2.
var curlWays = map[string][]string{
	"with a length": {"--http1.1"},
	"chunked":       {"--http1.1", "-H", "Transfer-Encoding: chunked"},
	"HTTP/2":        {"--http2-prior-knowledge"},
}

// wantRefusal checks the refusal of a request in both dialects: with jsonerrors=1 the status is
// in the body (the service responds with 200), and otherwise it is the response's.
func wantRefusal(t *testing.T, want policyRefusal, address string, arguments ...string) {
	t.Helper()
	arguments = append([]string{"-H", "X-User: " + clientsUser}, arguments...)
	if got, response := curl(t, append(arguments, address)...); got != want.status || response != want.message {
		t.Errorf("%d %q\nwant %d %q", got, response, want.status, want.message)
	}
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	got, response := curl(t, append(arguments, address+separator+"jsonerrors=1")...)
	var envelope struct {
		Error struct {
			Status  int    `json:"status_code"`
			Content string `json:"content"`
			Code    string `json:"error_code"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(response), &envelope); err != nil || got != http.StatusOK {
		t.Fatalf("with jsonerrors: %d %s: %v", got, response, err)
	}
	e := envelope.Error
	if got := (policyRefusal{e.Status, e.Code, e.Content}); got != want {
		t.Errorf("with jsonerrors: %s\nwant %+v", response, want)
	}
}

// Invariant 11, as curl shows it: what a policy forbids is refused in the dialect that the
// client asks for.
func TestInvariant11CurlHasTheRefusalsOfAPolicy(t *testing.T) {
	s, huge := startPolicySites(t), pictureOf(t, 24*mebibyte)
	form := func(fields ...string) (arguments []string) {
		for _, field := range append([]string{"UPLOADCARE_PUB_KEY=" + publicKey}, fields...) {
			arguments = append(arguments, "--form", field)
		}
		return arguments
	}
	file := func(sent sentFile) string { return "file=@" + sent.path }
	size := "size=" + strconv.Itoa(multipartMinimum)
	parts := form("filename=a.png", "content_type=image/png", size)
	fetch := func(source string) []string {
		return []string{"--form", "pub_key=" + publicKey, "--form", "source_url=" + source}
	}
	for _, test := range []struct {
		name, base, path string
		arguments        []string
		want             policyRefusal
	}{
		{"a large file", s.gateway, "/base/", form(file(s.large)), tooLarge},
		{"a file so large that the length of the form shows it", s.gateway, "/base/", form(file(huge)), tooLarge},
		{"a large file before the key", s.gateway, "/base/", append([]string{"--form", file(s.large)}, form()...), tooLarge},
		{"a large file", s.gateway, "/iframe/", form(file(s.large)), tooLarge},
		{"a large file in parts", s.gateway, "/multipart/start/", parts, partsTooLarge},
		{"a text", s.gateway, "/base/", form(file(s.text)), wrongType},
		{"a text that is called a picture", s.gateway, "/base/", form(file(s.text) + ";filename=sunset.png;type=image/png"), wrongType},
		{"a picture that is called a text", s.gateway, "/base/", form(file(s.picture) + ";filename=notes.txt;type=image/png"), wrongType},
		{"a text in parts", s.wide, "/multipart/start/", form("filename=notes.txt", "content_type=text/plain", size), wrongType},
		{"three files", s.gateway, "/base/", form(file(s.picture), "b=@"+s.picture.path, "c=@"+s.picture.path), tooManyFiles},
		{"another host", s.gateway, "/from_url/", fetch(s.otherSource), wrongSource},
		{"a host behind user information", s.gateway, "/from_url/", fetch(behindUserInfo(s.otherSource, s.source)), wrongSource},
		{"a group", s.gateway, "/group/", []string{"--form", "pub_key=" + publicKey, "--form", "files[]=" + newID()}, wrongKind},
		{"parts", s.direct, "/multipart/start/", parts, wrongKind},
		{"a URL", s.direct, "/from_url/", fetch(s.source), wrongKind},
	} {
		t.Run(test.path+" "+test.name, func(t *testing.T) {
			for way, flags := range curlWays {
				t.Run(way, func(t *testing.T) {
					tried(t, "curl, "+way, "policy: "+test.name+", "+test.path, "base URL")
					wantRefusal(t, test.want, test.base+test.path, append(flags, test.arguments...)...)
				})
			}
		})
	}
	s.wantNothingStored(t)
}

// behindUserInfo returns an address with the host of a permitted one where a user's name is.
func behindUserInfo(address, permitted string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(permitted, "http://"), "/")
	return strings.Replace(address, "//", "//"+host+"@", 1)
}

// The same for parameters that are not in a form.
func TestCurlHasTheRefusalsOfAPolicyInOtherEncodings(t *testing.T) {
	s := startPolicySites(t)
	size := strconv.Itoa(multipartMinimum)
	for _, test := range []struct {
		name, path, query string
		data              []string
		want              policyRefusal
	}{
		{
			"a large file in parts", "/multipart/start/", "",
			[]string{"UPLOADCARE_PUB_KEY=" + publicKey, "filename=a.png", "content_type=image/png", "size=" + size},
			partsTooLarge,
		},
		{
			"another host", "/from_url/", "",
			[]string{"pub_key=" + publicKey, "source_url=" + s.otherSource},
			wrongSource,
		},
		{
			"another host, in the query", "/from_url/", "?" + escape([]string{"pub_key=" + publicKey, "source_url=" + s.otherSource}), nil,
			wrongSource,
		},
		{
			"a group, in the query", "/group/", "?" + escape([]string{"pub_key=" + publicKey, "files[]=" + newID()}), nil,
			wrongKind,
		},
	} {
		t.Run(test.path+" "+test.name, func(t *testing.T) {
			tried(t, "curl", "policy: "+test.name+", "+test.path+", not a form", "base URL")
			var arguments []string
			for _, field := range test.data {
				arguments = append(arguments, "--data-urlencode", field)
			}
			wantRefusal(t, test.want, s.gateway+test.path+test.query, arguments...)
		})
	}
	s.wantNothingStored(t)
}

// What is allowed is stored, with what the operator says of it in place of what the client
// says, and with what the client says of other things.
func TestCurlUploadsWithThePolicysFields(t *testing.T) {
	s := startPolicySites(t)
	pet := map[string]string{"pet": "cat"}
	claims := []string{"metadata[user]=" + clientsUser, "metadata[pet]=cat"}
	for way, flags := range curlWays {
		t.Run("/base/ "+way, func(t *testing.T) {
			tried(t, "curl, "+way, "policy: allowed, /base/", "base URL")
			arguments := append([]string{"-H", "X-User: " + clientsUser}, flags...)
			for _, field := range append(claims, "UPLOADCARE_STORE=0", "UPLOADCARE_PUB_KEY="+publicKey, "file=@"+s.picture.path) {
				arguments = append(arguments, "--form", field)
			}
			status, response := curl(t, append(arguments, s.gateway+"/base/")...)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, response)
			}
			s.checkStored(t, uuidOf(t, response), s.picture)
			wantOperators(t, s.sandbox, uuidOf(t, response), pet)
		})
	}
	for _, encoding := range []string{asMultipart, asURLEncoded, asQuery} {
		t.Run("/from_url/ "+encoding, func(t *testing.T) {
			tried(t, "curl", "policy: allowed, /from_url/, "+encoding, "base URL")
			fields := append([]string{"pub_key=" + publicKey, "source_url=" + s.source, "store=0"}, claims...)
			request := curlRequest{http.MethodPost, "/from_url/", encoding, fields, "", ""}
			status, response := curl(t, request.arguments(s.gateway, false, false)...)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, response)
			}
			id := s.fromURLDone(t, response)
			s.checkStored(t, id, s.picture)
			wantOperators(t, s.sandbox, id, pet)
		})
	}
}
