// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestClientOfAHeader(t *testing.T) {
	const chromium = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	for _, test := range []struct{ own, agent, want string }{
		{"UploadcareUploadClient/6.14.3/demopublickey (JavaScript; MyPage)", chromium, "upload-client"},
		{"UploadcareFileUploader/1.20.0/demopublickey (JavaScript)", chromium, "file-uploader"},
		{"UploadcareWidget/3.21.6/demopublickey (JavaScript)", chromium, "widget"},
		{"", chromium, "browser"},
		{"", "PyUploadcare/6.1.0/demopublickey (CPython/3.11.2)", "python"},
		{"", "UploadcareRuby/5.0.0/demopublickey (Ruby/3.1.2)", "ruby"},
		{"", "PHPUploadcare/4.2.0/demopublickey (PHP/8.2.0)", "php"},
		{"", "UploadcareGo/2.0.0/demopublickey", "go"},
		{"", "curl/7.88.1", "curl"},
		{"", "MyApp/1.0", ClientOther},
		{"", "MyApp/1.0 (like curl/7)", ClientOther},
		{"", "Faraday v2.7.4", "ruby"},
		{"", "node-fetch/1.0", "node"},
		{"NotKnown/1.0", "", ClientOther},
		{"", strings.Repeat("x", 1<<20), ClientOther},
		{"", "c", ClientOther},
		{"", "", ClientNone},
	} {
		header := make(http.Header)
		if test.own != "" {
			header.Set("X-UC-User-Agent", test.own)
		}
		if test.agent != "" {
			header.Set("User-Agent", test.agent)
		}
		if got := ClientOf(header); got != test.want {
			t.Errorf("%.40q, %.40q: %s, want %s", test.own, test.agent, got, test.want)
		} else if !slices.Contains(Clients(), got) {
			t.Errorf("%s is not on the list", got)
		}
	}
}
