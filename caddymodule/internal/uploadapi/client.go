// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"net/http"
	"strings"
)

// ClientOther is the family of a client that is not on the list, and ClientNone that of
// one that does not say what it is.
const (
	ClientOther = "other"
	ClientNone  = "none"
)

// clients are families of clients, by what their user agents begin with, in lower case. The
// first that fits counts.
var clients = []struct{ mark, family string }{
	{"uploadcarefileuploader", "file-uploader"},
	{"uploadcareblocks", "file-uploader"}, // as it was called before
	{"uploadcarewidget", "widget"},
	{"uploadcareuploadclient", "upload-client"},
	{"pyuploadcare", "python"},
	{"uploadcareruby", "ruby"},
	{"phpuploadcare", "php"},
	{"uploadcarego", "go"},
	{"uploadcare-go", "go"},
	{"uploadcareswift", "swift"},
	{"uploadcare-swift", "swift"},
	{"uploadcareandroid", "android"},
	{"uploadcare-android", "android"},
	{"javauploadcare", "java"},
	{"uploadcarecli", "cli"},
	{"uploadcare-cli", "cli"},
	{"curl/", "curl"},
	{"okhttp/", "okhttp"},
	{"dart/", "dart"},
	{"apache-httpclient/", "java"},
	{"python-requests/", "python-requests"},
	{"python-httpx/", "python-httpx"},
	{"guzzlehttp/", "php"},
	{"faraday", "ruby"},
	{"go-http-client/", "go"},
	{"undici", "node"},
	{"node", "node"},
	{"axios/", "node"},
	{"postmanruntime/", "postman"},
	{"mozilla/", "browser"},
}

// Clients returns all families.
func Clients() []string {
	all := []string{ClientOther, ClientNone}
	seen := make(map[string]bool)
	for _, known := range clients {
		if !seen[known.family] {
			seen[known.family] = true
			all = append(all, known.family)
		}
	}
	return all
}

// ClientOf returns the family of the client that has sent a request's header. SDKs for
// browsers cannot set User-Agent, and have a header of their own, in which the project's
// public key stands too; that is not returned.
func ClientOf(header http.Header) string {
	family := ClientNone
	for _, name := range []string{"X-Uc-User-Agent", "User-Agent"} {
		for _, value := range header[name] {
			if value == "" {
				continue
			}
			family = ClientOther
			for i := range clients { // of each upload: nothing is allocated, and few letters compared
				known := &clients[i]
				if value[0]|0x20 == known.mark[0] && len(value) >= len(known.mark) && strings.EqualFold(value[:len(known.mark)], known.mark) {
					return known.family
				}
			}
		}
	}
	return family
}
