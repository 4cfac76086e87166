// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"reflect"
	"testing"
)

// comparePlain parses a header in both ways, compares the results, and reports
// whether it is plain.
func comparePlain(t *testing.T, header string) bool {
	t.Helper()
	quick, ok := parsePlainHeader([]byte(header))
	if !ok {
		return false
	}
	slow := parseAnyHeader([]byte(header))
	for _, names := range []*Names{testStale, NewNames("file_name"), NewNames("a"), forced, NewNames("a[b]", "file[name]")} {
		if got, want := names.findPlain(quick.name), names.find(slow.name); got != want {
			t.Errorf("%q: resembles %q, want %q", header, got, want)
		}
	}
	quick.plain = false
	if !reflect.DeepEqual(quick, slow) {
		t.Errorf("%q:\n got %+v\nwant %+v", header, quick, slow)
	}
	return true
}

func TestPlainHeadersAreReadAsAnyOther(t *testing.T) {
	tests := map[string]bool{
		`Content-Disposition: form-data; name="signature"`:                                                 true,
		`Content-Disposition: form-data; name=""`:                                                          false,
		`Content-Disposition: form-data; name="a.b-c_D9"`:                                                  true,
		`Content-Disposition: form-data; name="Signature."`:                                                true,
		`Content-Disposition: form-data; name="metadata.user.x"`:                                           true,
		`Content-Disposition: form-data; name="metadata[user]"`:                                            false,
		`Content-Disposition: form-data; name="file"; filename="photo (1).jpg"`:                            true,
		`Content-Disposition: form-data; name="file"; filename="фото.jpg"`:                                 true,
		`Content-Disposition: form-data; name="file"; filename="my name.jpg"`:                              true,
		`Content-Disposition: form-data; name="signature"; filename=""`:                                    true,
		`Content-Disposition: form-data; name="signature"; filename="a"`:                                   true,
		"Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: image/svg+xml":     true,
		"Content-Disposition: form-data; name=\"file\"\r\nContent-Type: ":                                  true,
		"Content-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed":                   true,
		"Content-Disposition: form-data; name=\"file\"\r\nContent-Type: Application/X-WWW-Form-Urlencoded": false,
		`content-disposition: form-data; name="file"`:                                                      false,
		`Content-Disposition: form-data; name="signature[]"`:                                               false,
		`Content-Disposition: form-data; name="=?utf-8?q?signature?="`:                                     false,
		`Content-Disposition: form-data; name="a"; filename="name=signature"`:                              false,
		`Content-Disposition: form-data; name="a"; filename="a\"`:                                          false,
		`Content-Disposition: form-data; name="a"; filename="a"; name="signature"`:                         false,
		`Content-Disposition: form-data; name="a" `:                                                        false,
		`Content-Disposition: form-data; name="a`:                                                          false,
		"Content-Disposition: form-data; name=\"a\"\r\n name=signature":                                    false,
		"Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain\r\nContent-Type: text/css": false,
		"Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-8":            false,
		"Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64":                  false,
		"Content-Disposition: form-data; name=\"a\r\n\"":                                                   false,
	}
	for header, want := range tests {
		if got := comparePlain(t, header); got != want {
			t.Errorf("%q: plain %v, want %v", header, got, want)
		}
	}
}

// The fast way of parsing a header has the same result as the general one.
func FuzzPlainHeader(f *testing.F) {
	f.Add([]byte(`file"; filename="photo.jpg`))
	f.Add([]byte("signature\"\r\nContent-Type: text/plain"))
	f.Add([]byte("a\" ; name=\"expire"))
	f.Fuzz(func(t *testing.T, rest []byte) {
		if bytes.Contains(rest, crlfCRLF) {
			return // which ends a header
		}
		comparePlain(t, string(plainStart)+string(rest))
		comparePlain(t, string(plainStart)+string(rest)+`"`)
	})
}
