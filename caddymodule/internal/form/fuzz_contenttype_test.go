// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"mime"
	"slices"
	"strings"
	"testing"
)

// FuzzContentType: what is written for the upstream is read by package mime as the editor
// reads it, and is stable; the boundary that package mime reads in what came is among the
// candidates; and a charset that hides ASCII is refused.
func FuzzContentType(f *testing.F) {
	f.Add("multipart/form-data; boundary=bo-un", "", []byte("--bo-un\r\n"))
	f.Add(`Multipart/Form-Data; charset=utf-8; boundary="a b"`, "", []byte("--a\r\n--a b\r\n"))
	f.Add("multipart/form-data; boundary=a;b, text/plain", "multipart/form-data; boundary=c", []byte("x\r\n--c--"))
	f.Add(manyBoundaries(maxBoundaries), "", []byte("--\r\n--\r\n--007\r\n"))
	f.Add("application/x-www-form-urlencoded; charset*=utf-8''utf-16", "", []byte(""))
	f.Add(`multipart/form-data; boundary="a\"b"; Boundary = c`, "", []byte("--c\r\n"))
	f.Fuzz(func(t *testing.T, first, second string, beginning []byte) {
		if strings.ContainsFunc(first+second, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return // no server takes it as a header
		}
		values := []string{first}
		if second != "" {
			values = append(values, second)
		}
		got, err := ParseContentType(values)
		if err != nil && !errors.Is(err, ErrCharset) && !errors.Is(err, ErrNoBoundary) && !errors.Is(err, ErrInvalidBoundary) {
			t.Fatal(err)
		}
		if media, parameters, mimeErr := mime.ParseMediaType(first); mimeErr == nil && second == "" && isASCII(first) {
			checkLikeMime(t, first, &got, err, media, parameters)
		}
		if err != nil || got.Media != MediaMultipart && got.Media != MediaURLEncoded {
			return
		}
		checkSettle(t, &got, beginning)
		checkWritten(t, values, &got)
	})
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
}

// checkLikeMime compares with how package mime reads the header.
func checkLikeMime(t *testing.T, header string, got *ContentType, err error, media string, parameters map[string]string) {
	t.Helper()
	if hiding := appendLetters(nil, []byte(parameters["charset"])); strings.Contains(string(hiding), "utf16") && !errors.Is(err, ErrCharset) && !strings.Contains(string(hiding), "utf8") {
		t.Fatalf("%q has the charset %q: %v", header, parameters["charset"], err)
	}
	if (media == MediaMultipart || media == MediaURLEncoded) && got.Media != media {
		t.Fatalf("%q is %q", header, got.Media)
	}
	boundary := parameters["boundary"]
	if err != nil || media != MediaMultipart || !isBoundary(boundary) || strings.Contains(header, "*") { // RFC 2231, which no server reads in it
		return
	}
	if !slices.Contains(append([]string{got.boundary}, got.others...), boundary) && strings.Count(strings.ToLower(header), "boundary") < maxBoundaryParameters {
		t.Fatalf("%q has the boundary %q, candidates are %q, %q", header, boundary, got.boundary, got.others)
	}
}

// checkSettle checks that the beginning of a body settles the boundary once it is whole,
// on the same one at the end as before it.
func checkSettle(t *testing.T, got *ContentType, beginning []byte) {
	t.Helper()
	early := *got
	early.others = slices.Clone(got.others)
	settled := early.Settle(beginning, false)
	if !got.Settle(beginning, true) || !got.Settled() {
		t.Fatalf("%q does not settle %q", beginning, got.boundary)
	}
	if settled && early.boundary != got.boundary {
		t.Fatalf("%q settles %q, and at its end %q", beginning, early.boundary, got.boundary)
	}
}

// checkWritten checks what is written for the upstream.
func checkWritten(t *testing.T, values []string, got *ContentType) {
	t.Helper()
	written := got.String()
	again, err := ParseContentType([]string{written})
	if err != nil || again.Media != got.Media || again.Charset != got.Charset || again.boundary != got.boundary || !again.IsWritten([]string{written}) {
		t.Fatalf("%q becomes %q, which is read as %+v, %v", values, written, again, err)
	}
	media, parameters, err := mime.ParseMediaType(written)
	if err != nil || media != got.Media || parameters["boundary"] != got.boundary || parameters["charset"] != got.Charset {
		t.Fatalf("%q becomes %q, in which package mime reads %q, %q, %v", values, written, media, parameters, err)
	}
}
