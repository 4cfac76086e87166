// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"strings"
	"testing"
)

// disposition is a form of one part with the given Content-Disposition.
func disposition(value string) string {
	return body("Content-Disposition: " + value + "\r\n\r\nabc")
}

// refuse checks that an editor refuses forms, however they are sliced, before a server
// could take what has been returned for a whole form.
func refuse(t *testing.T, tests map[string]string, want error) {
	t.Helper()
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			edit := testEdit(testBoundary, nil)
			edit.Fresh = func() ([]Field, error) {
				t.Error("the fresh fields were asked for")
				return testFields, nil
			}
			for slicing, source := range slicings(in) {
				got, err := readEdited(source, edit)
				if !errors.Is(err, want) || !IsFormError(err) {
					t.Errorf("%s: got error %v, want %v", slicing, err, want)
				}
				if strings.HasSuffix(got, "--\r\n") {
					t.Errorf("%s: what went out looks complete: %q", slicing, got)
				}
			}
		})
	}
}

const (
	dash  = "--" + testBoundary
	other = "Content-Disposition: form-data; name=a\r\n\r\n"
)

func TestEditorRefusesFormsWithoutAnEnd(t *testing.T) {
	stale := field("signature", "abc")
	refuse(t, map[string]string{
		"nothing":                            "",
		"no delimiter":                       "hello",
		"cut off in the first delimiter":     dash,
		"cut off in a header":                dash + "\r\nContent-Disp",
		"cut off in the content":             dash + "\r\n" + stale,
		"cut off in the closing delimiter":   strings.TrimSuffix(body(field("a", "b")), "-\r\n"),
		"cut off before the closing dashes":  strings.TrimSuffix(body(stale), "--\r\n"),
		"a bare LF instead of the dashes":    strings.TrimSuffix(body(stale), "--\r\n") + "\n",
		"a bare CR instead of the dashes":    strings.TrimSuffix(body(stale), "--\r\n") + "\r",
		"bare CR before the closing one":     dash + "\r\n" + other + "abc\r" + dash + "--\r\n",
		"the closing one within a line":      dash + "\r\n" + other + "abc" + dash + "--\r\n",
		"the closing one right after header": dash + "\r\n" + other + dash + "--\r\n",
		"one dash after the last":            dash + "\r\n" + other + "abc\r\n" + dash + "-\r\n",
		"another boundary":                   strings.ReplaceAll(body(field("a", "b")), testBoundary, "other"),
	}, ErrUnexpectedEnd)
}

func TestEditorRefusesWhatIsTooLarge(t *testing.T) {
	stale := field("signature", "abc")
	refuse(t, map[string]string{
		"a long preamble":     strings.Repeat("x", MaxPreambleSize+1) + "\r\n" + body(stale),
		"an endless preamble": strings.Repeat("x", 1<<18),
	}, ErrPreambleTooLarge)
	refuse(t, map[string]string{"a long epilogue": body(stale) + strings.Repeat("x", MaxEpilogueSize)}, ErrEpilogueTooLarge)
	refuse(t, map[string]string{
		"a large header":    body("X: " + strings.Repeat("y", MaxPartHeaderSize) + "\r\n\r\nabc"),
		"an endless header": dash + "\r\nX: " + strings.Repeat("y", 1<<18),
	}, ErrHeaderTooLarge)
	refuse(t, map[string]string{"a long public key": body(field("UPLOADCARE_PUB_KEY", strings.Repeat("k", MaxWatchedValueSize+1)))}, ErrValueTooLong)
}

// Most servers lose a part there, or read a credential.
func TestEditorRefusesDelimitersThatHideParts(t *testing.T) {
	stale, photo := field("signature", "abc"), file("file", "a.jpg", "1")
	long, lines := "X: "+strings.Repeat("y", 17<<10), strings.Repeat("X: "+strings.Repeat("y", 900)+"\r\n", 20)
	refuse(t, map[string]string{
		"a part before the first one":               "content-disposition: form-data; name=signature\r\n\r\nabc\r\n" + body(photo),
		"bare LF throughout":                        strings.ReplaceAll(body(field("a", "b")), "\r\n", "\n"),
		"bare LF behind the first delimiter":        dash + "\n\r\n" + body(photo),
		"more behind the first delimiter":           dash + "0\r\n" + field("a", "b") + "\r\n" + body(photo),
		"the first delimiter within a line":         "x" + body(stale),
		"the first delimiter with blanks behind":    dash + " \r\n" + stale + "\r\n" + dash + "--\r\n",
		"a field after the last one":                body(photo) + stale,
		"a field between two closes":                body(photo) + stale + "\r\n" + dash + "--\r\n",
		"a part after the last one":                 body(photo) + dash + "\r\n" + photo + "\r\n" + dash + "--\r\n",
		"a delimiter after the last one":            body(photo) + dash + "\r\n",
		"a key after the last one":                  body(photo) + field("pub_key", "b") + field("UPLOADCARE_PUB_KEY", "b"),
		"bare LF before a delimiter":                dash + "\r\n" + other + "abc\n" + dash + "\r\n" + stale + "\r\n" + dash + "--\r\n",
		"bare LF before and after":                  dash + "\r\n" + other + "abc\n" + dash + "\n" + strings.ReplaceAll(stale, "\r", "") + "\r\n" + dash + "--\r\n",
		"no line before a delimiter":                dash + "\r\n" + other + "abc" + dash + "\r\n" + stale + "\r\n" + dash + "--\r\n",
		"a delimiter right after a header":          dash + "\r\n" + other + dash + "\r\n" + stale + "\r\n" + dash + "--\r\n",
		"blanks after a delimiter":                  dash + "\r\n" + other + "abc\r\n" + dash + " \t\r\n" + stale + "\r\n" + dash + "--\r\n",
		"more after a delimiter":                    dash + "\r\n" + other + "abc\r\n" + dash + "0\r\n" + stale + "\r\n" + dash + "--\r\n",
		"a public key behind such a one":            dash + "\r\n" + other + "abc\n" + dash + "\r\n" + field("UPLOADCARE_PUB_KEY", "b") + "\r\n" + dash + "--\r\n",
		"far behind a bare LF":                      body(field("x", "a\n"+dash+"\n"+long+"\n"+strings.ReplaceAll(stale, "\r", ""))),
		"behind many empty lines":                   body(field("x", "a\n"+dash+strings.Repeat("\n", 20_000)+stale)),
		"at the examined end of no header":          body("\r\n" + strings.Repeat("y", unheadedSize-len(dash)-2) + "\n" + dash + "\n\n" + strings.Repeat(long+"\n", 2) + stale),
		"behind a header that ends by bare LF":      body(field("x", "a"+dash+"\r\nX: y\n\n\r\n"+stale)),
		"far behind such an end":                    body(field("x", "a\n"+dash+"\nX: y\n\n"+dash+"\n"+strings.Repeat(long+"\n", 2)+strings.ReplaceAll(stale, "\r", ""))),
		"far before another delimiter":              body(field("x", "a\n"+dash+"\n"+long+"\nContent-Disposition: form-data; name=signature\n"+dash+"\n"+long+"\n"+long)),
		"far behind its disposition":                body(field("x", "a\n"+dash+"\nContent-Disposition: form-data\n"+long+"\n ; name=signature\n\nb")),
		"behind another such end":                   body(field("x", "a\n"+dash+"\nX: y\n\n"+long[:9000]+dash+"\nX: y\n\n\r\n"+stale)),
		"in parameters behind it":                   body(field("x", "a\r\n"+dash+" \r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nb"), file("file", "a", "a&signature=old&b")),
		"in a form behind it":                       body(field("x", "a\n"+dash+"\nContent-Type: multipart/mixed; boundary=C\n\nb"), file("file", "a", "--C\r\n"+stale+"\r\n--C--")),
		"by a Content-ID behind it":                 body(field("x", "a\n"+dash+"\r\nContent-Disposition: form-data; name=\"b\r\nContent-ID: signature\r\n\r\nc")),
		"behind many lines":                         body(field("x", "a\n"+dash+"\r\n"+lines+stale)),
		"very far behind it":                        body(field("x", "a\n"+dash+"\r\n"+strings.Repeat(lines, 10)+stale)),
		"behind a header of two delimiters":         body(field("x", "a\n"+dash+"\n"+strings.Repeat(long+"\n"+dash+"\n", 3)+long+"\n"+stale)),
		"a file behind a stale field's":             body(field("signature", "a\n"+dash+"\n"+photo)),
		"a file far behind a stale field's":         body(field("signature", "a\n"+dash+"\n"+long+"\n"+photo)),
		"one that begins a header":                  dash + "\r\n" + dash + "0\r\n" + photo + "\r\n" + dash + "--\r\n",
		"a delimiter within a header":               dash + "\r\nX: y\r\n" + dash + "\r\n" + photo + "\r\n" + dash + "--\r\n",
		"a stale field without its second line end": dash + "\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\n" + dash + "\r\n" + photo + "\r\n" + dash + "--\r\n",
	}, ErrAmbiguousDelimiter)
}

func TestEditorRefusesAFileWithoutAName(t *testing.T) {
	refuse(t, map[string]string{
		"attachment":          disposition("attachment; filename=a.bin"),
		"form-data":           disposition(`form-data; filename="a.bin"`),
		"by its other name":   disposition(`form-data; filename*=utf-8''a.bin`),
		"another key":         disposition(`form-data; Names="file"; filename="a.bin"`),
		"a name of its pages": body("Content-Type: image/png; name=a.png\r\nContent-Disposition: form-data; filename=a.png\r\n\r\n1"),
	}, ErrUnnamedFile)
}
