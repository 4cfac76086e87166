// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Invariant 7: one that can be signed is never refused. Where the gateway has
// understood what the client meant, it writes it anew for the upstream.
func TestInvariant7ContentTypesAreWrittenAnew(t *testing.T) {
	form := func(boundary string) string {
		return strings.ReplaceAll(formOf(file("file", "cat.jpg", "meow"), field("signature", "old"), demoKey), testBoundary, boundary)
	}
	const multipart = "multipart/form-data; boundary="
	tests := map[string]struct {
		in       []string
		boundary string // of the body
		want     string
	}{
		"as it came":             {[]string{multipart + "abc"}, "abc", multipart + "abc"},
		"asterisks":              {[]string{multipart + "*****"}, "*****", multipart + `"*****"`},
		"equals signs":           {[]string{multipart + "===1===", "text/plain"}, "===1===", multipart + `"===1==="`},
		"84 characters":          {[]string{multipart + strings.Repeat("5", 84)}, strings.Repeat("5", 84), multipart + strings.Repeat("5", 84)},
		"capitals":               {[]string{"MULTIPART/FORM-DATA; BOUNDARY=aB"}, "aB", multipart + "aB"},
		"a comma before it":      {[]string{"multipart/form-data, boundary=abc"}, "abc", multipart + "abc"},
		"a comma within":         {[]string{multipart + "a,b"}, "a,b", multipart + `"a,b"`},
		"blanks within":          {[]string{multipart + "a b c"}, "a b c", multipart + `"a b c"`},
		"two headers":            {[]string{multipart + "abc", multipart + "abc"}, "abc", multipart + "abc"},
		"two that differ":        {[]string{multipart + "abc", multipart + "def"}, "def", multipart + "def"},
		"two in one":             {[]string{multipart + "abc; boundary=def"}, "def", multipart + "def"},
		"other parameters":       {[]string{multipart + `abc; type="text/xml"`}, "abc", multipart + "abc"},
		"a charset":              {[]string{"multipart/form-data; charset=windows-31j; boundary=abc"}, "abc", multipart + "abc; charset=windows-31j"},
		"needless quotes":        {[]string{multipart + `"abc"`}, "abc", multipart + "abc"},
		"the word within":        {[]string{multipart + "boundary=x"}, "boundary=x", multipart + `"boundary=x"`},
		"cut at a comma, behind": {[]string{multipart + "abc, multipart/form-data"}, "abc", multipart + "abc"},
	}
	for name, test := range tests {
		for framing, length := range map[string]bool{"with a length": true, "chunked": false} {
			t.Run(name+"/"+framing, func(t *testing.T) {
				r := uploadRequest(form(test.boundary))
				r.Header["Content-Type"] = test.in
				if !length {
					r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
					r.Body = io.NopCloser(iotest.OneByteReader(r.Body))
				}
				rec, w := serve(t, mustSign(t, onlyProject), r)
				if w.Code != http.StatusOK || rec.err != nil {
					t.Fatalf("response %d %q, error %v", w.Code, w.Body, rec.err)
				}
				if got := rec.request.Header["Content-Type"]; !slices.Equal(got, []string{test.want}) {
					t.Errorf("Content-Type %q, want %q", got, test.want)
				}
				if length && rec.request.ContentLength != int64(len(rec.body)) {
					t.Errorf("length %d for %d bytes", rec.request.ContentLength, len(rec.body))
				}
				checkCredential(t, parseForm(t, []byte(strings.ReplaceAll(string(rec.body), "--"+test.boundary, "--"+testBoundary))), testSecret)
			})
		}
	}
}

// A Content-Encoding that is no coding does not leave, and one that is one cannot
// be read.
func TestContentEncodingsThatAreNone(t *testing.T) {
	for value, leaves := range map[string]bool{
		"UTF-8": true, "binary": true, "none": true, "multipart/form-data": true, "identity": true, "": true, "base64": true, "utf-8, binary": true,
		"gzip": false, "deflate, gzip": false, "br": false, "zstd": false, "none, gzip": false,
	} {
		r := uploadRequest(formOf(demoKey, file("file", "a", "b")))
		r.Header.Set("Content-Encoding", value)
		rec, w := serve(t, mustSign(t, onlyProject), r)
		if leaves != (w.Code == http.StatusOK) || !leaves && w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%q: response %d %q", value, w.Code, w.Body)
		}
		if leaves && len(rec.request.Header["Content-Encoding"]) > 0 {
			t.Errorf("%q leaves", value)
		}
	}
}

// The public key finds its project with blanks and line ends around it, and
// leaves as it came.
func TestAPublicKeyIsTrimmedToFindItsProject(t *testing.T) {
	for _, key := range []string{"demopublickey\r\n", " demopublickey", "\tdemopublickey\n", "demopublickey "} {
		for name, request := range map[string]*http.Request{
			"in the form":             uploadRequest(formOf(file("file", "a", "b"), field("UPLOADCARE_PUB_KEY", key))),
			"under the other name":    uploadRequest(formOf(file("file", "a", "b"), field("pub_key", key))),
			"in another spelling":     uploadRequest(formOf(file("file", "a", "b"), field("uploadcare_pub_key ", key))),
			"twice, once without one": uploadRequest(formOf(demoKey, field("UPLOADCARE_PUB_KEY", key))),
		} {
			rec, w := serve(t, mustSign(t, onlyProject), request)
			if w.Code != http.StatusOK || !strings.Contains(string(rec.body), "\r\n\r\n"+key+"\r\n") {
				t.Errorf("%q %s: response %d %q", key, name, w.Code, w.Body)
			}
		}
	}
}

// Invariant 2: a second public key that only some server reads is seen, too.
func TestInvariant2PublicKeysThatContradict(t *testing.T) {
	for name, second := range map[string]string{
		"plain":               field("UPLOADCARE_PUB_KEY", "other"),
		"the other name":      field("pub_key", "other"),
		"a blank behind":      field("UPLOADCARE_PUB_KEY ", "other"),
		"a tab behind":        field("UPLOADCARE_PUB_KEY\t", "other"),
		"small letters":       field("uploadcare_pub_key", "other"),
		"dots":                field("UPLOADCARE.PUB.KEY", "other"),
		"an array":            field("pub_key[]", "other"),
		"behind a semicolon":  field("pub_key;x", "other"),
		"a bad escape":        field("pub_key", "other%zz"),
		"unquoted":            part("Content-Disposition: form-data; name=pub_key", "other"),
		"blanks around the =": part(`Content-Disposition: form-data; name = "pub_key"`, "other"),
	} {
		rec, w := serve(t, mustSign(t, onlyProject), uploadRequest(formOf(demoKey, second, file("file", "a", "b"))))
		if w.Code != http.StatusBadRequest || w.Body.String() != "The request names more than one project." || rec.err == nil {
			t.Errorf("%s: response %d %q", name, w.Code, w.Body)
		}
	}
}
