// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

const testBoundary = "----geckoformboundary0a1b2c"

var (
	testStale  = NewNames("signature", "expire", "UPLOADCARE_SIGNATURE", "UPLOADCARE_EXPIRE")
	testFields = []Field{{"signature", strings.Repeat("f", 64)}, {"expire", "1893456000"}}
)

// testEdit is an edit as the gateway asks for it; shown collects what it watches.
func testEdit(boundary string, shown *[]string) Edit {
	length := 0
	for _, field := range testFields {
		length += EncodedLength(boundary, field.Name, len(field.Value))
	}
	return Edit{
		Boundary: boundary,
		Stale:    testStale,
		Watched:  NewNames("UPLOADCARE_PUB_KEY"),
		Watch: func(name, value string) error {
			if shown != nil {
				*shown = append(*shown, name+"="+value)
			}
			return nil
		},
		Fresh:       func() ([]Field, error) { return testFields, nil },
		FreshLength: length,
	}
}

// body joins parts (header, blank line, content) into a form.
func body(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("--" + testBoundary + "\r\n" + part + "\r\n")
	}
	b.WriteString("--" + testBoundary + "--\r\n")
	return b.String()
}

func field(name, value string) string {
	return `Content-Disposition: form-data; name="` + name + `"` + "\r\n\r\n" + value
}

func file(name, filename, content string) string {
	return `Content-Disposition: form-data; name="` + name + `"; filename="` + filename + `"` +
		"\r\nContent-Type: application/octet-stream\r\n\r\n" + content
}

// signed is body with the fresh fields as the last parts.
func signed(parts ...string) string {
	for _, f := range testFields {
		parts = append(parts, field(f.Name, f.Value))
	}
	return body(parts...)
}

func readEdited(source io.Reader, edit Edit) (string, error) {
	edited, err := io.ReadAll(NewEditor(io.NopCloser(source), edit))
	return string(edited), err
}

func TestEditorTakesOutStaleFieldsAndPutsInFreshOnes(t *testing.T) {
	const cross9, cross6 = "xxxxxxxxx", "xxxxxx"
	photo := file("file", "cat.jpg", "\xff\xd8\r\n--\r\n")
	key := field("UPLOADCARE_PUB_KEY", "demopublickey")
	tests := map[string]struct{ in, want string }{
		"no stale field":    {body(key, photo), signed(key, photo)},
		"only fields":       {body(key), signed(key)},
		"no part at all":    {body(), signed()},
		"before the file":   {body(field("signature", "abc"), field("expire", "12"), photo), signed(field(cross9, "xxx"), field(cross6, "xx"), photo)},
		"after the file":    {body(photo, field("signature", "abc"), field("expire", "12")), signed(photo, field(cross9, "xxx"), field(cross6, "xx"))},
		"twice":             {body(field("expire", "1"), photo, field("expire", "2")), signed(field(cross6, "x"), photo, field(cross6, "x"))},
		"empty":             {body(field("signature", ""), field("expire", ""), photo), signed(field(cross9, ""), field(cross6, ""), photo)},
		"the iframe's":      {body(field("UPLOADCARE_SIGNATURE", "ab"), photo), signed(field(strings.Repeat("x", 20), "xx"), photo)},
		"in odd case":       {body(field("Signature", "ab"), field("EXPIRE", "1")), signed(field(cross9, "xx"), field(cross6, "x"))},
		"blanks around it":  {body(field(" signature ", "ab")), signed(field("xxxxxxxxxxx", "xx"))},
		"several lines":     {body(field("signature", "a\r\nb")), signed(field(cross9, "xxxx"))},
		"a near-delimiter":  {body(field("signature", "\r\n--"+testBoundary[:9])), signed(field(cross9, strings.Repeat("x", 13)))},
		"an empty filename": {body(file("signature", "", "abc")), signed(file(cross9, "", "xxx"))},
		"a file called so":  {body(file("signature", "signature", "abc"), key), signed(file("signature", "signature", "abc"), key)},
		"unquoted": {
			body("Content-Disposition: form-data; name=signature\r\n\r\nabc", "Content-Disposition: form-data;name=expire ; x=y\r\n\r\n1"),
			signed("Content-Disposition: form-data; name=xxxxxxxxx\r\n\r\nxxx", "Content-Disposition: form-data;name=xxxxxx ; x=y\r\n\r\nx"),
		},
		"headers in odd case and order": {
			body("content-type: text/plain\r\ncontent-disposition: FORM-DATA; NAME=\"signature\"\r\n\r\nabc"),
			signed("content-type: text/plain\r\ncontent-disposition: FORM-DATA; NAME=\"xxxxxxxxx\"\r\n\r\nxxx"),
		},
		"a folded header": {
			body("Content-Disposition: form-data;\r\n name=\"signature\"\r\nX-Other: 1\r\n 2\r\n\r\nabc"),
			signed("Content-Disposition: form-data;\r\n name=\"xxxxxxxxx\"\r\nX-Other: 1\r\n 2\r\n\r\nxxx"),
		},
		"another disposition": {
			body("Content-Disposition: attachment; name=\"expire\"\r\n\r\n1"),
			signed("Content-Disposition: attachment; name=\"xxxxxx\"\r\n\r\nx"),
		},
		"no disposition type": {
			body("Content-Disposition: name=\"expire\"\r\n\r\n1"),
			signed("Content-Disposition: name=\"xxxxxx\"\r\n\r\nx"),
		},
		"names that only resemble": {
			body(field("signature2", "a"), field("metadata[signature]", "b"), field("ſignature", "c"), field("", "d")),
			signed(field("signature2", "a"), field("metadata[signature]", "b"), field("ſignature", "c"), field("", "d")),
		},
		"an empty line first":        {"\r\n" + body(key), "\r\n" + signed(key)},
		"a preamble":                 {"This is a form.\r\n" + body(key), "This is a form.\r\n" + signed(key)},
		"an epilogue":                {body(key) + "The end.", signed(key) + "The end."},
		"no line end after the last": {strings.TrimSuffix(body(key), "\r\n"), strings.TrimSuffix(signed(key), "\r\n")},
		"file names as clients write them": {
			body(file("a", `C:\pics\cat.jpg`, "1"), file("b", `my "best" cat.jpg`, "2"), file("c", `a\"b.jpg`, "3"), file(`"q".jpg`, `"q".jpg`, "4")),
			signed(file("a", `C:\pics\cat.jpg`, "1"), file("b", `my "best" cat.jpg`, "2"), file("c", `a\"b.jpg`, "3"), file(`"q".jpg`, `"q".jpg`, "4")),
		},
		"a file by both names": {
			body(`Content-Disposition: form-data; name=file; filename=cat.jpg; filename*=utf-8''cat.jpg` + "\r\n\r\n1"),
			signed(`Content-Disposition: form-data; name=file; filename=cat.jpg; filename*=utf-8''cat.jpg` + "\r\n\r\n1"),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			edit := testEdit(testBoundary, nil)
			for slicing, source := range slicings(test.in) {
				got, err := readEdited(source, edit)
				if err != nil || got != test.want {
					t.Fatalf("%s: error %v\ngot  %q\nwant %q", slicing, err, got, test.want)
				}
			}
			if got := len(test.want) - len(test.in); got != edit.FreshLength {
				t.Fatalf("the form grew by %d bytes, promised were %d", got, edit.FreshLength)
			}
		})
	}
}

// slicings yields the ways in which a source may hand out a body.
func slicings(body string) map[string]io.Reader {
	return map[string]io.Reader{
		"at once":           strings.NewReader(body),
		"byte by byte":      iotest.OneByteReader(strings.NewReader(body)),
		"data with the end": iotest.DataErrReader(strings.NewReader(body)),
		"half by half":      iotest.HalfReader(strings.NewReader(body)),
		"with empty reads":  &hesitantReader{Reader: iotest.OneByteReader(strings.NewReader(body))},
	}
}

// hesitantReader returns nothing every second time.
type hesitantReader struct {
	io.Reader
	odd bool
}

func (r *hesitantReader) Read(p []byte) (int, error) {
	if r.odd = !r.odd; r.odd {
		return 0, nil
	}
	return r.Reader.Read(p)
}

func TestEditorPassesAFileOfNearDelimiters(t *testing.T) {
	delimiter := "\r\n--" + testBoundary
	var content strings.Builder
	for i := 3; i < len(delimiter); i++ {
		content.WriteString(delimiter[:i])                                     // cut off
		content.WriteString(delimiter[:i-1] + "\x00" + delimiter[i:])          // one byte damaged
		content.WriteString(strings.ToUpper(delimiter[:i]) + delimiter[i+1:])  // one byte missing
		content.WriteString("\r\r\n\n--" + testBoundary[:len(testBoundary)-1]) // doubled line ends
	}
	in := body(file("file", "near", content.String()))
	want := signed(file("file", "near", content.String()))
	for size := 1; size < 1200; size += 7 {
		var out bytes.Buffer
		editor := NewEditor(io.NopCloser(strings.NewReader(in)), testEdit(testBoundary, nil))
		if _, err := io.CopyBuffer(&out, struct{ io.Reader }{editor}, make([]byte, size)); err != nil {
			t.Fatalf("buffer of %d: %v", size, err)
		}
		if out.String() != want {
			t.Fatalf("buffer of %d: the form was changed", size)
		}
	}
}

func TestEditorRefusesWhatServersReadDifferently(t *testing.T) {
	dash := "--" + testBoundary
	stale := field("signature", "abc")
	const other = "Content-Disposition: form-data; name=a\r\n\r\n"
	disposition := func(value string) string {
		return body("Content-Disposition: " + value + "\r\n\r\nabc")
	}
	tests := map[string]struct {
		in   string
		want error
	}{
		"nothing":                            {"", ErrUnexpectedEnd},
		"no delimiter":                       {"hello", ErrUnexpectedEnd},
		"cut off in the first delimiter":     {dash, ErrUnexpectedEnd},
		"cut off in a header":                {dash + "\r\nContent-Disp", ErrUnexpectedEnd},
		"cut off in the content":             {dash + "\r\n" + stale, ErrUnexpectedEnd},
		"cut off in the closing delimiter":   {strings.TrimSuffix(body(stale), "-\r\n"), ErrUnexpectedEnd},
		"cut off after another delimiter":    {dash + "\r\n" + stale + "\r\n" + dash + "\r\n", ErrUnexpectedEnd},
		"cut off within the last line end":   {strings.TrimSuffix(body(stale), "\n"), ErrAmbiguousDelimiter},
		"a long preamble":                    {strings.Repeat("x", MaxPreambleSize+1) + "\r\n" + body(stale), ErrPreambleTooLarge},
		"an endless preamble":                {strings.Repeat("x", 1<<20), ErrPreambleTooLarge},
		"a long epilogue":                    {body(stale) + strings.Repeat("x", MaxEpilogueSize), ErrEpilogueTooLarge},
		"a part in the preamble":             {"content-disposition: form-data; name=signature\r\n\r\nabc\r\n" + body(stale), ErrAmbiguousDelimiter},
		"a part in the epilogue":             {body(stale) + stale, ErrAmbiguousDelimiter},
		"a delimiter in the epilogue":        {body(stale) + dash + "\r\n", ErrAmbiguousDelimiter},
		"a preamble that is no line":         {"x" + body(stale), ErrAmbiguousDelimiter},
		"bare LF after the first delimiter":  {dash + "\n" + stale, ErrAmbiguousDelimiter},
		"bare LF before a delimiter":         {dash + "\r\n" + other + "abc\n" + dash + "\r\n" + stale + "\r\n" + dash + "--\r\n", ErrAmbiguousDelimiter},
		"bare CR before a delimiter":         {dash + "\r\n" + other + "abc\r" + dash + "--\r\n", ErrAmbiguousDelimiter},
		"a delimiter within a line":          {dash + "\r\n" + other + "abc" + dash + "--\r\n", ErrAmbiguousDelimiter},
		"a delimiter right after a header":   {dash + "\r\n" + other + dash + "--\r\n", ErrAmbiguousDelimiter},
		"a delimiter within a header":        {dash + "\r\nX: y\r\n" + dash + "\r\n" + stale + "\r\n" + dash + "--\r\n", ErrAmbiguousDelimiter},
		"blanks after a delimiter":           {dash + " \r\n" + stale + "\r\n" + dash + "--\r\n", ErrAmbiguousDelimiter},
		"blanks after the closing one":       {strings.TrimSuffix(body(stale), "\r\n") + " ", ErrAmbiguousDelimiter},
		"bare LF after the closing one":      {strings.TrimSuffix(body(stale), "\r\n") + "\n", ErrAmbiguousDelimiter},
		"more after a delimiter":             {dash + "\r\n" + other + "abc\r\n" + dash + "0\r\n" + stale + "\r\n" + dash + "--\r\n", ErrAmbiguousDelimiter},
		"one dash after a delimiter":         {dash + "\r\n" + other + "abc\r\n" + dash + "-\r\n", ErrAmbiguousDelimiter},
		"bare LF in a header":                {body("X: y\nContent-Disposition: form-data; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"bare CR in a header":                {body("X: y\rContent-Disposition: form-data; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"NUL in a header":                    {body("Content-Disposition: form-data; name=\"signature\x00\"\r\n\r\nabc"), ErrMalformedHeader},
		"a line without a colon":             {body("Content-Disposition\r\n\r\nabc"), ErrMalformedHeader},
		"a blank before the colon":           {body("Content-Disposition : form-data; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"a folded first line":                {body(" Content-Disposition: form-data; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"two dispositions":                   {body("Content-Disposition: form-data; name=a\r\n" + stale), ErrMalformedHeader},
		"two names":                          {body("Content-Disposition: form-data; name=a; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"two file names":                     {body("Content-Disposition: form-data; name=signature; filename=\"\"; filename=a\r\n\r\nabc"), ErrMalformedHeader},
		"a name smuggled in a file name":     {body(`Content-Disposition: form-data; name="a"; filename="b"; name="signature"` + "\r\n\r\nabc"), ErrMalformedHeader},
		"an extended name":                   {body("Content-Disposition: form-data; name*=utf-8''signature\r\n\r\nabc"), ErrMalformedHeader},
		"a continued name":                   {body("Content-Disposition: form-data; name*0=sign; name*1=ature\r\n\r\nabc"), ErrMalformedHeader},
		"an escaped name":                    {body(`Content-Disposition: form-data; name="sig\nature"` + "\r\n\r\nabc"), ErrMalformedHeader},
		"a name with an escaped quote":       {body(`Content-Disposition: form-data; name="a\"; name=signature; x="` + "\r\n\r\nabc"), ErrMalformedHeader},
		"an encoded name":                    {body(`Content-Disposition: form-data; name="=?utf-8?q?signature?="` + "\r\n\r\nabc"), ErrMalformedHeader},
		"a stale field by filename* a file":  {body(`Content-Disposition: form-data; name="signature"; filename*=utf-8''a` + "\r\n\r\nabc"), ErrMalformedHeader},
		"an unfinished quote":                {body(`Content-Disposition: form-data; name="signature` + "\r\n\r\nabc"), ErrMalformedHeader},
		"single quotes":                      {body(`Content-Disposition: form-data; name='signature'` + "\r\n\r\nabc"), ErrMalformedHeader},
		"a quote within an unquoted name":    {body(`Content-Disposition: form-data; name=sign"ature` + "\r\n\r\nabc"), ErrMalformedHeader},
		"a name over two lines":              {body("Content-Disposition: form-data; name=\"sign\r\n ature\"\r\n\r\nabc"), ErrMalformedHeader},
		"a part without a header":            {body("\r\nabc"), ErrMalformedHeader},
		"a part that begins with a line end": {body("\r\n" + stale), ErrMalformedHeader},
		"a part without a disposition":       {body("X: y\r\n\r\nabc"), ErrMalformedHeader},
		"a part without a name":              {disposition("form-data"), ErrMalformedHeader},
		"a name by Content-ID":               {body("Content-ID: signature\r\n\r\nabc"), ErrMalformedHeader},
		"a disposition in a folded line":     {body("X: y\r\n Content-Disposition: form-data; name=signature\r\nContent-Disposition: form-data; name=a\r\n\r\nabc"), ErrMalformedHeader},
		"only in a folded line":              {body("X: y\r\n Content-Disposition: form-data; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"a disposition by another name":      {body("X-Content-Disposition: form-data; name=signature\r\n\r\nabc"), ErrMalformedHeader},
		"a file whose other name is empty":   {disposition(`form-data; name="signature"; filename="a"; filename*=UTF-8''`), ErrMalformedHeader},
		"a file in pieces":                   {disposition(`form-data; name="signature"; filename="a"; filename*0=""`), ErrMalformedHeader},
		"a file, but for a blank":            {disposition(`form-data; name="signature"; filename ="a"`), ErrMalformedHeader},
		"a file, but for another blank":      {disposition(`form-data; name="signature"; filename= "a"`), ErrMalformedHeader},
		"a file, but for case":               {disposition(`form-data; name="signature"; FILENAME="a"`), ErrMalformedHeader},
		"quotes before a name":               {disposition(`form-data; x"; name="y"; z="; name=signature; w="`), ErrMalformedHeader},
		"quotes within quotes":               {disposition(`form-data; name="y"; z="a"b"; x="; name=signature; w="`), ErrMalformedHeader},
		"a name within quotes":               {disposition(`form-data; name="y"; x="; name=signature"`), ErrMalformedHeader},
		"a name within a file name":          {disposition(`form-data; name="y"; filename="; name=signature"`), ErrMalformedHeader},
		"a file, but for what follows":       {disposition(`form-data; name="signature"; filename="a" `), ErrMalformedHeader},
		"a file, but for quotes":             {disposition(`form-data; name="signature"; filename=a`), ErrMalformedHeader},
		"a word that says it":                {disposition(`form-data; name="=?utf-8?B?c2lnbmF0dXJl?="`), ErrMalformedHeader},
		"a form feed":                        {disposition("form-data;\x0cname=\"signature\""), ErrMalformedHeader},
		"a name with a blank":                {disposition("form-data; name=sign ature"), ErrMalformedHeader},
		"a name and a word":                  {disposition("form-data; name=signature x"), ErrMalformedHeader},
		"a name and a comma":                 {disposition("form-data; name=signature,x"), ErrMalformedHeader},
		"half a quoted name":                 {disposition(`form-data; name="sig"nature`), ErrMalformedHeader},
		"a quoted key":                       {disposition(`form-data; "name"=signature`), ErrMalformedHeader},
		"a dot for an underscore":            {disposition(`form-data; name="UPLOADCARE.SIGNATURE"`), ErrMalformedHeader},
		"an array":                           {disposition(`form-data; name="signature[]"`), ErrMalformedHeader},
		"a member of an array":               {disposition(`form-data; name="signature[a]"`), ErrMalformedHeader},
		"brackets":                           {disposition(`form-data; name="[signature]"`), ErrMalformedHeader},
		"percent-encoded":                    {disposition(`form-data; name="%73ignature"`), ErrMalformedHeader},
		"a large header":                     {body("X: " + strings.Repeat("y", MaxPartHeaderSize) + "\r\n\r\nabc"), ErrHeaderTooLarge},
		"an endless header":                  {dash + "\r\nX: " + strings.Repeat("y", 1<<20), ErrHeaderTooLarge},
		"a header of many lines":             {body(strings.Repeat("X: y\r\n", MaxPartHeaderLines+1) + "\r\nabc"), ErrHeaderTooLarge},
		"an encoded public key":              {body("Content-Transfer-Encoding: base64\r\n" + field("UPLOADCARE_PUB_KEY", "a2V5")), ErrMalformedHeader},
		"a long public key":                  {body(field("UPLOADCARE_PUB_KEY", strings.Repeat("k", MaxWatchedValueSize+1))), ErrValueTooLong},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			edit := testEdit(testBoundary, nil)
			edit.Fresh = func() ([]Field, error) {
				t.Error("the fresh fields were asked for")
				return testFields, nil
			}
			for slicing, source := range slicings(test.in) {
				got, err := readEdited(source, edit)
				if !errors.Is(err, test.want) {
					t.Errorf("%s: got error %v, want %v", slicing, err, test.want)
				}
				if strings.HasSuffix(got, "--\r\n") {
					t.Errorf("%s: what went out looks complete: %q", slicing, got)
				}
			}
		})
	}
}

// What clients really write is never refused because a credential is mentioned.
func TestEditorTakesWhatOnlyMentionsACredential(t *testing.T) {
	for name, header := range map[string]string{
		"a name with more":        `form-data; name="my_signature"`,
		"a name that begins so":   `form-data; name="signature_pad"`,
		"metadata":                `form-data; name="metadata[signature]"`,
		"a file name":             `form-data; name="file"; filename="signature.png"`,
		"several words":           `form-data; name="file"; filename="expired licence.pdf"`,
		"escaped quotes":          `form-data; name="file"; filename="my \"signature\".png"`,
		"raw quotes":              `form-data; name="file"; filename="my "signature".png"`,
		"a semicolon and a sign":  `form-data; name="file"; filename="signature; a=b.png"`,
		"a Windows path":          `form-data; name="file"; filename="C:\signature.png"`,
		"dotnet":                  `form-data; name=file; filename=signature.png; filename*=utf-8''signature.png`,
		"the file name first":     `form-data; filename="signature.png"; name="file"`,
		"a semicolon at the end":  `form-data; name="file"; filename="signature.png";`,
		"another parameter":       `form-data; name="file"; filename="signature.png"; size=12`,
		"another case":            `form-data; name="file"; fileName="signature.png"`,
		"another disposition":     `attachment; name="file"; filename="signature.png"`,
		"the name of a header":    `form-data; name="file"; filename="content-disposition.pdf"`,
		"an encoded name":         `form-data; name="=?utf-8?B?w7xtbGF1dA==?="; filename="signature.png"`,
		"an identifier beside it": "form-data; name=\"file\"; filename=\"a.png\"\r\nContent-ID: <signature.png>",
		"a description beside it": "form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Description: digital signature",
		"a type with a name":      "form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png; name=\"signature.png\"",
	} {
		t.Run(name, func(t *testing.T) {
			part := "Content-Disposition: " + header + "\r\n\r\ncontent"
			got, err := readEdited(strings.NewReader(body(part)), testEdit(testBoundary, nil))
			if err != nil || got != signed(part) {
				t.Errorf("error %v\ngot %q", err, got)
			}
		})
	}
}

func TestEditorWatchesFields(t *testing.T) {
	var shown []string
	in := body(
		field("UPLOADCARE_PUB_KEY", "first"),
		file("UPLOADCARE_PUB_KEY", "a.txt", "a file"),
		field("uploadcare_pub_key", "another name"),
		file("file", "b.txt", strings.Repeat("b", 1000)),
		"Content-Transfer-Encoding: 8BIT\r\n"+field("UPLOADCARE_PUB_KEY", ""),
	)
	if _, err := readEdited(iotest.OneByteReader(strings.NewReader(in)), testEdit(testBoundary, &shown)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"UPLOADCARE_PUB_KEY=first", "UPLOADCARE_PUB_KEY="}; !slices.Equal(shown, want) {
		t.Errorf("got %q, want %q", shown, want)
	}
}

func TestEditorAsksForFreshFieldsOnceAfterTheLastByte(t *testing.T) {
	asked, ended := 0, false
	edit := testEdit(testBoundary, nil)
	edit.Fresh = func() ([]Field, error) {
		asked++
		if !ended {
			t.Error("the fresh fields were asked for before the body had ended")
		}
		return testFields, nil
	}
	source := io.MultiReader(
		iotest.OneByteReader(strings.NewReader(body(field("a", "b"))+"\r\nepilogue")),
		readerFunc(func([]byte) (int, error) { ended = true; return 0, io.EOF }),
	)
	editor := NewEditor(io.NopCloser(source), edit)
	if _, err := io.ReadAll(editor); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if n, err := editor.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
			t.Fatalf("after the end: %d, %v", n, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestEditorReturnsErrorsOfItsCallbacksAndSource(t *testing.T) {
	broken := errors.New("broken")
	whole := body(field("UPLOADCARE_PUB_KEY", "key"), file("file", "a", "b"))
	tests := map[string]struct {
		source io.Reader
		change func(*Edit)
		want   error
	}{
		"watch":           {strings.NewReader(whole), func(e *Edit) { e.Watch = func(string, string) error { return broken } }, broken},
		"fresh":           {strings.NewReader(whole), func(e *Edit) { e.Fresh = func() ([]Field, error) { return nil, broken } }, broken},
		"broken promise":  {strings.NewReader(whole), func(e *Edit) { e.FreshLength++ }, ErrLengthMismatch},
		"source":          {io.MultiReader(strings.NewReader(whole[:99]), iotest.ErrReader(broken)), nil, broken},
		"source, no data": {iotest.ErrReader(broken), nil, broken},
		"source is stuck": {readerFunc(func([]byte) (int, error) { return 0, nil }), nil, io.ErrNoProgress},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			edit := testEdit(testBoundary, nil)
			if test.change != nil {
				test.change(&edit)
			}
			editor := NewEditor(io.NopCloser(test.source), edit)
			got, err := io.ReadAll(editor)
			if !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if bytes.Contains(got, []byte(testBoundary+"--")) {
				t.Errorf("what went out looks complete: %q", got)
			}
			if n, again := editor.Read(make([]byte, 4096)); n != 0 || !errors.Is(again, test.want) {
				t.Errorf("read again: %d, %v", n, again)
			}
		})
	}
}

func TestEditorMayBeClosedWhileItIsRead(t *testing.T) {
	for range 50 {
		reader, writer := io.Pipe()
		edit := testEdit(testBoundary, nil)
		editor := NewEditor(reader, edit)
		go func() {
			for {
				if _, err := writer.Write([]byte(body(field("a", strings.Repeat("b", 100)))[:90])); err != nil {
					return
				}
			}
		}()
		var reading sync.WaitGroup
		reading.Go(func() {
			if _, err := io.Copy(io.Discard, editor); err == nil {
				t.Error("a form that was cut off was read without an error")
			}
		})
		if err := editor.Close(); err != nil {
			t.Fatal(err)
		}
		reading.Wait()
		if _, err := editor.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
			t.Fatalf("read after close: %v", err)
		}
	}
}

func TestEditorDoesNotAskForFreshFieldsOnceClosed(t *testing.T) {
	edit := testEdit(testBoundary, nil)
	edit.Fresh = func() ([]Field, error) { t.Error("asked"); return testFields, nil }
	var editor *Editor
	source := io.MultiReader(strings.NewReader(body(field("a", "b"))), readerFunc(func([]byte) (int, error) {
		_ = editor.Close()
		return 0, io.EOF
	}))
	editor = NewEditor(io.NopCloser(source), edit)
	if _, err := io.ReadAll(editor); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// Invariant 4: memory per request has a fixed bound, whatever the size.
func TestInvariant4EditorMemoryIsBounded(t *testing.T) {
	header := "X: " + strings.Repeat("y", MaxPartHeaderSize-200) + "\r\n"
	parts := make([]string, 0, 12)
	for i := range cap(parts) {
		parts = append(parts, header+field(fmt.Sprint("field", i), strings.Repeat("z", i*500)))
	}
	in := body(parts...) + strings.Repeat("e", MaxEpilogueSize-2)
	for _, size := range []int{1, 100, 600, 1 << 10, 32 << 10} {
		editor := NewEditor(io.NopCloser(iotest.OneByteReader(strings.NewReader(in))), testEdit(testBoundary, nil))
		buf := make([]byte, size)
		for {
			_, err := editor.Read(buf)
			if held := cap(editor.held) + cap(editor.ready) + cap(editor.scratch) + cap(editor.value); held > MaxMemory {
				t.Fatalf("buffer of %d: the editor holds %d bytes", size, held)
			}
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEditorFillsTheCallersBuffer(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 64<<10)
	parts := []string{field("UPLOADCARE_PUB_KEY", "k"), field("signature", ""), file("file", "a", content), field("expire", "")}
	source := strings.NewReader(body(parts...))
	editor := NewEditor(io.NopCloser(source), testEdit(testBoundary, nil))
	buf := make([]byte, 32<<10)
	for reads := 0; source.Len() > 0; reads++ {
		n, err := editor.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if source.Len() > 0 && n < len(buf)-len(editor.held) {
			t.Errorf("read %d returned %d of %d bytes", reads, n, len(buf))
		}
	}
}

// The parts that mime/multipart reads from the edited form are an independent
// witness.
func TestEditedFormIsReadByMimeMultipart(t *testing.T) {
	edited, err := readEdited(strings.NewReader(body(field("signature", "old"), file("file", "a.txt", "content"))), testEdit(testBoundary, nil))
	if err != nil {
		t.Fatal(err)
	}
	form, err := multipart.NewReader(strings.NewReader(edited), testBoundary).ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if len(form.File["file"]) != 1 || !slices.Equal(form.Value["signature"], []string{testFields[0].Value}) ||
		!slices.Equal(form.Value["expire"], []string{testFields[1].Value}) {
		t.Errorf("got %v", form)
	}
}
