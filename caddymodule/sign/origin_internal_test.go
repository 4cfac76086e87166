// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"testing"
)

// What may stand in `cors`, and what browsers send that is meant by it, and what
// they send that is not.
func TestOriginsAreAnyThatBrowsersSend(t *testing.T) {
	tests := map[string]struct{ is, isNot []string }{
		"https://www.example.com": {
			is:    []string{"https://www.example.com", "https://www.example.com:443", "HTTPS://WWW.EXAMPLE.COM"},
			isNot: []string{"http://www.example.com", "https://example.com", "https://www.example.com:8443", "https://www.example.com.evil.org", "https://www.example.com/", "null", ""},
		},
		"HTTPS://WWW.Example.COM":       {is: []string{"https://www.example.com"}},
		"https://www.example.com:443":   {is: []string{"https://www.example.com"}},
		"http://localhost:080":          {is: []string{"http://localhost"}, isNot: []string{"https://localhost"}},
		"http://localhost:8100":         {is: []string{"http://localhost:8100"}, isNot: []string{"http://localhost", "http://localhost:81000"}},
		"https://localhost:80":          {is: []string{"https://localhost:80"}, isNot: []string{"https://localhost"}},
		"http://127.0.0.1:3000":         {is: []string{"http://127.0.0.1:3000"}},
		"http://[::1]:3000":             {is: []string{"http://[::1]:3000"}},
		"http://[0:0:0:0:0:0:0:1]":      {is: []string{"http://[::1]"}},
		"http://[2001:DB8::1]:80":       {is: []string{"http://[2001:db8::1]"}},
		"capacitor://localhost":         {is: []string{"capacitor://localhost"}, isNot: []string{"http://localhost", "capacitor://localhost:1", "capacitor://localhost.evil.org"}},
		"ionic://localhost":             {is: []string{"ionic://localhost"}, isNot: []string{"capacitor://localhost"}},
		"tauri://localhost":             {is: []string{"tauri://localhost"}},
		"https://tauri.localhost":       {is: []string{"https://tauri.localhost"}},
		"app://.":                       {is: []string{"app://."}, isNot: []string{"app://", "app://.."}},
		"app://-":                       {is: []string{"app://-"}},
		"app://bundle.name":             {is: []string{"app://bundle.name"}},
		"file://":                       {is: []string{"file://"}, isNot: []string{"null", "file:///"}},
		"ms-appx-web://some.app_x":      {is: []string{"ms-appx-web://some.app_x"}},
		"ftp://a:21":                    {is: []string{"ftp://a"}},
		"null":                          {is: []string{"null"}, isNot: []string{"NULL", "", "null://", "https://null"}},
		"https://müller.example":        {is: []string{"https://xn--mller-kva.example"}, isNot: []string{"https://mller.example"}},
		"https://MÜLLER.example:8443":   {is: []string{"https://xn--mller-kva.example:8443"}},
		"https://straße.example":        {is: []string{"https://xn--strae-oqa.example"}, isNot: []string{"https://strasse.example"}},
		"https://例え。テスト":                {is: []string{"https://xn--r8jz45g.xn--zckzah"}},
		"https://xn--mller-kva.example": {is: []string{"https://xn--mller-kva.example"}},
		"https://r3---a.example.com":    {is: []string{"https://r3---a.example.com"}},
		"https://a_b.example.com":       {is: []string{"https://a_b.example.com"}},
		"chrome-extension://abcdefghijklmnopabcdefghijklmnop":     {is: []string{"chrome-extension://abcdefghijklmnopabcdefghijklmnop"}},
		"moz-extension://7b5a3c1e-0000-4000-8000-0123456789ab":    {is: []string{"moz-extension://7b5a3c1e-0000-4000-8000-0123456789ab"}},
		"safari-web-extension://7B5A3C1E-0000-4000-8000-01234567": {is: []string{"safari-web-extension://7b5a3c1e-0000-4000-8000-01234567", "safari-web-extension://7B5A3C1E-0000-4000-8000-01234567"}},
		"https://*.example.com": {
			is: []string{"https://a.example.com", "https://a.b.example.com", "https://xn--mller-kva.example.com", "https://A.example.com:443", "https://a_b-c.example.com"},
			isNot: []string{
				"https://example.com", "https://notexample.com", "https://.example.com", "https://..example.com", "https://a..example.com",
				"https://example.com.evil.org", "https://a.example.com.evil.org", "http://a.example.com", "https://a.example.com:8443", "https://a.example.com.",
				"https://evil.org/.example.com", "https://evil.org#.example.com", "https://evil.org?.example.com", "https://evil.org:80.example.com", "https://evil.org@a.example.com",
				"https://evil.org%2f.example.com", "https://a.example.com/", "https://*.example.com", "null", "", ".example.com",
			},
		},
		"https://*.example.com:8443": {is: []string{"https://a.example.com:8443"}, isNot: []string{"https://a.example.com", "https://example.com:8443", "https://a.example.com:18443"}},
		"HTTPS://*.Example.COM:443":  {is: []string{"https://a.example.com"}},
		"https://*.müller.example":   {is: []string{"https://a.xn--mller-kva.example"}, isNot: []string{"https://xn--mller-kva.example"}},
		"http://*.localhost:3000":    {is: []string{"http://shop.localhost:3000"}, isNot: []string{"http://localhost:3000"}},
		"app://*.example":            {is: []string{"app://a.example"}, isNot: []string{"https://a.example"}},
		"https://*.sub.example.com":  {is: []string{"https://a.sub.example.com"}, isNot: []string{"https://a.example.com", "https://sub.example.com", "https://a.notsub.example.com"}},
	}
	for text, test := range tests {
		t.Run(text, func(t *testing.T) {
			o, err := newOrigins([]string{text})
			if err != nil {
				t.Fatal(err)
			}
			for _, origin := range test.is {
				if !o.contains(origin) {
					t.Errorf("%s is not meant", origin)
				}
			}
			for _, origin := range test.isNot {
				if o.contains(origin) {
					t.Errorf("%s is meant", origin)
				}
			}
		})
	}
}
