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

// clientMark is what the user agents of a family of clients begin with.
type clientMark struct{ mark, family string }

// clients are families of clients, by what their user agents begin with, in lower case. The
// first that fits counts.
var clients = []clientMark{
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

// clientsByLetter has them by their first letter, since each upload's is looked up.
var clientsByLetter = func() (byLetter ['z' + 1][]clientMark) {
	for _, known := range clients {
		byLetter[known.mark[0]] = append(byLetter[known.mark[0]], known)
	}
	return byLetter
}()

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
			letter := value[0] | 0x20 // in lower case
			if int(letter) >= len(clientsByLetter) {
				continue
			}
			for _, known := range clientsByLetter[letter] {
				if len(value) >= len(known.mark) && strings.EqualFold(value[:len(known.mark)], known.mark) {
					return known.family
				}
			}
		}
	}
	return family
}
