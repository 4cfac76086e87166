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

// testEdit is an edit as the gateway's; shown collects the watched values.
func testEdit(boundary string, shown *[]string) Edit {
	length := 0
	for _, field := range testFields {
		length += EncodedLength(boundary, field.Name, len(field.Value))
	}
	return Edit{
		Boundary: boundary,
		Stale:    testStale,
		Watched:  NewNames("UPLOADCARE_PUB_KEY", "pub_key"),
		Watch: func(_, value string) error {
			if shown != nil {
				*shown = append(*shown, value)
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

// readEdited reads all of an edited form as a strict caller of [io.Reader] does: what lies
// behind its buffer is its own, and the buffer has other bytes for each read.
func readEdited(source io.Reader, edit Edit) (string, error) {
	room := bytes.MinRead
	if whole, ok := source.(wholeReader); ok {
		room = max(room, whole.room)
	}
	unread := bytes.Repeat([]byte{'#'}, 2*room)
	buffer := make([]byte, len(unread))
	editor := NewEditor(io.NopCloser(source), edit)
	var edited strings.Builder
	for {
		copy(buffer, unread)
		n, err := editor.Read(buffer[:room])
		edited.Write(buffer[:n])
		switch {
		case !bytes.Equal(buffer[room:], unread[room:]):
			return edited.String(), errors.New("the editor has written behind the buffer")
		case errors.Is(err, io.EOF):
			return edited.String(), nil
		case err != nil:
			return edited.String(), err
		case n == 0:
			return edited.String(), errors.New("the editor has read nothing")
		}
	}
}

// wholeReader is a body that is read into a buffer with room for all of it.
type wholeReader struct {
	io.Reader
	room int
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
		"the boundary":      {body(field("signature", "a"+dash+"x\r\nb\n"+dash+"\n")), signed(field(cross9, strings.Repeat("x", 2*len(dash)+7)))},
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
		"into one buffer":   wholeReader{strings.NewReader(body), len(body) + bytes.MinRead},
		"into just one":     wholeReader{iotest.DataErrReader(strings.NewReader(body)), len(body)},
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

func TestEditorWatchesFields(t *testing.T) {
	var shown []string
	in := body(
		field("UPLOADCARE_PUB_KEY", "first"),
		file("UPLOADCARE_PUB_KEY", "a.txt", "a file"),
		field("uploadcare.pub_key ", "second"),
		file("file", "b.txt", strings.Repeat("b", 1000)),
		"Content-Transfer-Encoding: 8BIT\r\n"+field("UPLOADCARE_PUB_KEY", ""),
	)
	if _, err := readEdited(iotest.OneByteReader(strings.NewReader(in)), testEdit(testBoundary, &shown)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first", "second", ""}; !slices.Equal(shown, want) {
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
		"a longer one":    {strings.NewReader(whole), func(e *Edit) { e.FreshLength-- }, ErrLengthMismatch},
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

// The parts that mime/multipart reads from the edited form are an independent check.
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

// What is crossed out is shown before, under the name that it goes by in the set.
func TestRemovedFieldsAreShown(t *testing.T) {
	const boundary = "b"
	form := "--b\r\nContent-Disposition: form-data; name=\"SIGNATURE\"\r\n\r\nold\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"signature[]\"\r\n\r\n\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"expire\"\r\n\r\n" + strings.Repeat("1", 1000) + "\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nsignature\r\n--b--\r\n"
	for size := 1; size < 100; size += 7 {
		var shown []string
		editor := NewEditor(io.NopCloser(iotest.OneByteReader(strings.NewReader(form))), Edit{
			Boundary: boundary, Stale: NewNames("signature", "expire"),
			Fresh:   func() ([]Field, error) { return nil, nil },
			Removed: func(name, value string) { shown = append(shown, name+"="+value) },
		})
		if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{editor}, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		want := []string{"signature=old", "signature=", "expire=" + strings.Repeat("1", MaxWatchedValueSize)}
		if !slices.Equal(shown, want) {
			t.Errorf("%q", shown)
		}
	}
}
