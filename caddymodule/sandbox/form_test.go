// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

var errParserFailed = refusal(400, "PostRequestParserFailedError", "HTTP POST request parsing failed.")

func TestContentTypesThatAreNoForm(t *testing.T) {
	for _, tc := range []struct {
		name  string
		types []string
	}{
		{"none", nil},
		{"urlencoded", []string{"application/x-www-form-urlencoded"}},
		{"another multipart", []string{"multipart/mixed; boundary=" + testBoundary}},
		{"no boundary", []string{"multipart/form-data"}},
		{"an empty boundary", []string{`multipart/form-data; boundary=""`}},
		{"two boundaries", []string{"multipart/form-data; boundary=" + testBoundary + "; boundary=other"}},
		{"a boundary without end", []string{"multipart/form-data; boundary=" + strings.Repeat("b", maxBoundaryLength+1)}},
		{"two different headers", []string{"multipart/form-data; boundary=" + testBoundary, "multipart/form-data; boundary=other"}},
		{"not a media type", []string{";"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			for _, target := range []string{"/base/", "/base/?jsonerrors=1"} {
				r := uploadRequest(target, formOf(append(signed(), aFile)...))
				r.Header["Content-Type"] = tc.types
				response := f.do(t, r)
				if strings.Contains(target, "json") {
					wantEnvelope(t, response, errParserFailed)
				} else {
					wantRefusal(t, response, errParserFailed)
				}
			}
			f.wantNothingKept(t)
		})
	}
}

func TestBodiesThatAreNoForm(t *testing.T) {
	whole := formOf(append(signed(), aFile)...)
	for _, tc := range []struct{ name, body string }{
		{"nothing", ""},
		{"no delimiter", "hello"},
		{"another boundary", strings.ReplaceAll(whole, testBoundary, "other-boundary")},
		{"no closing delimiter", strings.TrimSuffix(whole, "--"+testBoundary+"--\r\n")},
		{"half a closing delimiter", strings.TrimSuffix(whole, "--\r\n")},
		{"ends in a file", whole[:strings.Index(whole, "hello.txt")+60]},
		{"ends in a part's header", before(whole, "filename")},
		{"ends behind a delimiter", before(whole, "Content-Disposition: form-data; name=\"file\"")},
		{"ends in the blank line behind a part's header", whole[:strings.Index(whole, "hello\r\n")-2]},
		{"ends with a hyphen too few", strings.TrimSuffix(whole, "-\r\n")},
		{"a header without a colon", formOf(append(signed(), "no colon\r\n\r\nx", aFile)...)},
		{"a raw NUL in a part's header", strings.ReplaceAll(formOf(append(signed(), aFile, field("aNULb", "x"))...), "NUL", "\x00")},
		{"a header that begins with a blank", formOf(append(signed(), aFile, " Content-Disposition: form-data; name=a\r\n\r\nx")...)},
		{"a file without a name", formOf(append(signed(), aFile, "Content-Disposition: form-data; filename=a\r\n\r\nx")...)},
		{"a part with two different dispositions", formOf(append(signed(), aFile, "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx")...)},
		{"a part with a name in two spellings", formOf(append(signed(), aFile, "Content-Disposition: form-data; name=a; name*=utf-8''signature\r\n\r\nx")...)},
		{"a part with a name in pieces", formOf(append(signed(), aFile, "Content-Disposition: form-data; name*0=signa; name*1=ture\r\n\r\nx")...)},
		{"a part with nothing but a file name in pieces", formOf(append(signed(), aFile, "Content-Disposition: form-data; name=a; filename*0=a; filename*1=b\r\n\r\nx")...)},
		{"a part with two names", formOf(append(signed(), aFile, "Content-Disposition: form-data; name=a; name=signature\r\n\r\nx")...)},
		{"a part that is an attachment", formOf(append(signed(), aFile, "Content-Disposition: attachment; name=a\r\n\r\nx")...)},
		{"a name without end", formOf(append(signed(), aFile, field(strings.Repeat("n", maxNameLength+1), "x"))...)},
		{"a header without end", formOf(append(signed(), file("file", strings.Repeat("n", maxPartHeaderLength), "x"))...)},
		{"a field longer than 64 KiB", formOf(append(signed(), aFile, field("long", strings.Repeat("x", 64<<10+1)))...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			wantRefusal(t, f.do(t, uploadRequest("/base/", tc.body)), errParserFailed)
			wantEnvelope(t, f.do(t, uploadRequest("/base/?jsonerrors=1", tc.body)), errParserFailed)
			f.wantNothingKept(t)
		})
	}
}

func TestBoundsOfAForm(t *testing.T) {
	fields := func(n int) []string {
		parts := signed()
		for i := len(parts); i < n; i++ {
			parts = append(parts, field(fmt.Sprint("field", i), "x"))
		}
		return append(parts, aFile)
	}
	files := func(n int) []string {
		parts := signed()
		for i := range n {
			parts = append(parts, file(fmt.Sprint("file", i), "x", "x"))
		}
		return parts
	}
	megabytes := func(n int) []string {
		parts := signed()
		for i := range n * 16 {
			parts = append(parts, field(fmt.Sprint("field", i), strings.Repeat("x", maxFieldLength)))
		}
		return parts
	}
	tooManyFields := refusal(400, "RequestFiledsNumberLimitExceededError", "The request contains too many HTTP POST fields.")
	tooManyFiles := refusal(400, "RequestFileNumberLimitExceededError", "The request contains too many files.")
	nulls := refusal(400, "NullCharactersForbiddenError", "Null characters are not allowed.")
	for _, tc := range []struct {
		name  string
		parts []string
		want  *uploadapi.Error
	}{
		{"10,000 fields", fields(maxFields), nil},
		{"10,001 fields", fields(maxFields + 1), tooManyFields},
		{"fields of 7 MiB", append(megabytes(7), aFile), nil},
		{"fields of 8 MiB and their names", append(megabytes(8), aFile), errParserFailed},
		{"100 files", files(100), nil},
		{"101 files", files(101), tooManyFiles},
		{"a field of 64 KiB", append(signed(), aFile, field("long", strings.Repeat("x", 64<<10))), nil},
		{"NUL in a field", append(signed(), aFile, field("a", "x\x00")), nulls},
		{"NUL in a field's name", append(signed(), aFile, "Content-Disposition: form-data; name*=utf-8''a%00b\r\n\r\nx"), nulls},
		{"NUL in a file's field name", append(signed(), "Content-Disposition: form-data; name*=utf-8''a%00b; filename=x\r\n\r\nx"), nulls},
		{"NUL in a file name", append(signed(), "Content-Disposition: form-data; name=a; filename*=utf-8''a%00b\r\n\r\nx"), nulls},
		{"NUL in a file's content", append(signed(), file("file", "x", "\x00")), nil},
		{"the first problem is the one that is reported", append(append(signed(), field("a", "\x00")), files(101)...), nulls},
		{"a problem of the form comes before the credential", []string{aFile, field("a", "\x00")}, nulls},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			if tc.want == nil {
				uuidsOf(t, f.upload(t, tc.parts...))
				return
			}
			wantRefusal(t, f.upload(t, tc.parts...), tc.want)
			wantEnvelope(t, f.do(t, uploadRequest("/base/?jsonerrors=1", formOf(tc.parts...))), tc.want)
			f.wantNothingKept(t)
		})
	}
}

func TestARefusedBodyIsReadToItsEnd(t *testing.T) {
	for name, parts := range map[string][]string{
		"too many fields": append([]string{publicKey}, slices.Repeat([]string{field("a", "x")}, maxFields)...),
		"NUL":             {field("a", "\x00"), aFile},
		"no credential":   {publicKey, aFile},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			body := strings.NewReader(formOf(append(parts, file("big", "big", strings.Repeat("x", 1<<20)))...) + "the epilogue")
			if response := f.do(t, streamRequest("/base/", body)); response.Code != 400 {
				t.Fatalf("status = %d", response.Code)
			}
			if body.Len() != 0 {
				t.Errorf("%d bytes were not read", body.Len())
			}
			f.wantNothingKept(t)
		})
	}
}

func TestWhatStandsOutsideTheDelimitersIsNoField(t *testing.T) {
	f := newFixture(t)
	body := "preamble signature=x\r\n" + formOf(append(signed(), aFile)...) + "\r\n" + formOf(field("signature", "epilogue"))
	uuidsOf(t, f.do(t, uploadRequest("/base/", body)))
}

func TestTheClosingDelimiterNeedsNoLineEnd(t *testing.T) {
	f := newFixture(t)
	for _, end := range []string{"", " ", "\t ", "\r\n", " \r\n\r\n"} {
		body := strings.TrimSuffix(formOf(append(signed(), aFile)...), "\r\n") + end
		uuidsOf(t, f.do(t, uploadRequest("/base/", body)))
	}
}

func TestTransferEncodingsAreNotUndone(t *testing.T) {
	f := newFixture(t)
	ids := f.accepted(t, "Content-Disposition: form-data; name=file; filename=q.txt\r\n"+
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=41=0D=0A")
	if got := f.get(t, "/"+ids["file"]+"/").Body.String(); got != "=41=0D=0A" {
		t.Errorf("stored %q", got)
	}
}

func TestBodiesThatArriveInDribs(t *testing.T) {
	content := strings.Repeat("\r\n--"+testBoundary[:4]+"\n--\x00\xff", 3000)
	body := formOf(append(signed(), file("file", "x.bin", content))...)
	for name, dribble := range map[string]func(io.Reader) io.Reader{
		"byte by byte":            iotest.OneByteReader,
		"by halves":               iotest.HalfReader,
		"the last bytes with EOF": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ids := uuidsOf(t, f.do(t, streamRequest("/base/", dribble(strings.NewReader(body)))))
			if got := f.get(t, "/"+ids["file"]+"/").Body.String(); got != content {
				t.Errorf("stored %d bytes that differ from the %d sent", len(got), len(content))
			}
		})
	}
}

func TestALimitedBodyKeepsItsError(t *testing.T) {
	broken := errors.New("broken")
	body := &limitedReader{source: iotest.ErrReader(broken), left: 10}
	for range 2 {
		if _, err := body.Read(make([]byte, 4)); !errors.Is(err, broken) {
			t.Fatalf("Read: %v, want %v", err, broken)
		}
	}
	body = &limitedReader{source: strings.NewReader("12345"), left: 4}
	got, err := io.ReadAll(body)
	if string(got) != "1234" || !errors.Is(err, errRequestTooLarge) {
		t.Errorf("read %q, %v", got, err)
	}
	body = &limitedReader{source: strings.NewReader("1234"), left: 4}
	if got, err = io.ReadAll(body); string(got) != "1234" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	body = &limitedReader{source: strings.NewReader("1"), left: 1<<63 - 1}
	if got, err = io.ReadAll(body); string(got) != "1" || err != nil {
		t.Errorf("read %q, %v with the largest limit", got, err)
	}
}

func before(text, mark string) string {
	head, _, _ := strings.Cut(text, mark)
	return head
}
