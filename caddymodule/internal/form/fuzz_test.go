// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/textproto"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const fuzzBoundary = "bo-un"

// parsedPart is a part as mime/multipart sees it.
type parsedPart struct {
	header      textproto.MIMEHeader
	name, file  string
	content     string
	staleField  bool
	mayBeCaught bool // a stale name stands somewhere in its header
}

func parseWithMimeMultipart(data []byte, boundary string) (parts []parsedPart, err error) {
	reader := multipart.NewReader(bytes.NewReader(data), boundary)
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		parsed := parsedPart{header: part.Header, name: part.FormName(), file: part.FileName(), content: string(content)}
		parsed.staleField = parsed.file == "" && testStale.resemble([]byte(parsed.name))
		for _, value := range part.Header["Content-Disposition"] {
			parsed.mayBeCaught = parsed.mayBeCaught || testStale.MentionedIn([]byte(value))
		}
		parts = append(parts, parsed)
	}
}

// FuzzEditorAgainstMimeMultipart: whatever mime/multipart accepts, the edited
// body has the same parts, in order and byte for byte, less the stale fields,
// plus one fresh pair, and it has the promised length.
func FuzzEditorAgainstMimeMultipart(f *testing.F) {
	seeds := []string{
		body(field("signature", "old"), file("file", "a", "b")),
		body(file("file", "a", "b"), field("EXPIRE", ""), field("UPLOADCARE_PUB_KEY", "k")),
		body(file("signature", "a", "\r\n--bo-u"), "X: y\r\n\r\nz"),
		body("Content-Disposition: form-data; name=expire\r\n\r\n1"),
		body(file("a", `c:\x\"y`, "1"), `Content-Disposition: form-data; name="a"; filename*=utf-8''x`+"\r\n\r\n1"),
		"preamble\r\n" + body(field("a", "b")) + "epilogue",
		"--bo-un\nContent-Disposition: form-data; name=signature\n\nx\n--bo-un--",
		body(), "", "--bo-un--",
	}
	for _, seed := range seeds {
		f.Add([]byte(strings.ReplaceAll(seed, testBoundary, fuzzBoundary)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before, err := parseWithMimeMultipart(data, fuzzBoundary)
		if err != nil || len(before) == 0 {
			return // without a part it does not settle which line ends there are
		}
		edit := testEdit(fuzzBoundary, nil)
		edited, err := readEdited(bytes.NewReader(data), edit)
		if err != nil {
			checkRefusal(t, data, err)
			return
		}
		if len(edited) != len(data)+edit.FreshLength {
			t.Fatalf("%d bytes became %d", len(data), len(edited))
		}
		after, err := parseWithMimeMultipart([]byte(edited), fuzzBoundary)
		if err != nil {
			t.Fatalf("the edited form cannot be read: %v\n%q", err, edited)
		}
		if len(after) != len(before)+len(testFields) {
			t.Fatalf("%d parts became %d\n%q", len(before), len(after), edited)
		}
		for i, part := range before {
			comparePart(t, part, after[i])
		}
		for i, want := range testFields {
			if got := after[len(before)+i]; got.name != want.Name || got.content != want.Value || got.file != "" {
				t.Fatalf("fresh field: got %+v", got)
			}
		}
	})
}

// checkRefusal checks that there is a reason to refuse a form that mime/multipart
// accepts.
func checkRefusal(t *testing.T, data []byte, err error) {
	t.Helper()
	strict := []error{ErrAmbiguousDelimiter, ErrUnnamedFile, ErrHeaderTooLarge, ErrPreambleTooLarge, ErrEpilogueTooLarge, ErrValueTooLong}
	if slices.ContainsFunc(strict, func(reason error) bool { return errors.Is(err, reason) }) {
		return
	}
	edit := testEdit(fuzzBoundary, nil)
	if errors.Is(err, ErrMalformedHeader) && (edit.mentions(data) || ExtendsName(data)) {
		return // doubt alone would be no reason; a name in another charset may be any
	}
	// mime/multipart takes a form that breaks off after a delimiter or in a
	// header for whole, and a header that ends in bare LFs.
	last := data[max(0, bytes.LastIndex(data, []byte("--"+fuzzBoundary+"\r\n"))):]
	// And one line end for two, before the content and after it.
	broken := bytes.Contains(data, []byte("\r\n\r\n--"+fuzzBoundary)) || !bytes.Contains(last, crlfCRLF) || !bytes.Contains(last, []byte("\r\n--"+fuzzBoundary+"--"))
	bareLF := bytes.Count(data, []byte("\n")) > bytes.Count(data, crlf)
	if errors.Is(err, ErrUnexpectedEnd) && (broken || bareLF) {
		return
	}
	t.Fatalf("refused without reason: %v\n%q", err, data)
}

func comparePart(t *testing.T, before, after parsedPart) {
	t.Helper()
	if !before.staleField && reflect.DeepEqual(before, after) {
		return
	}
	// Only a field may be crossed out: one that mime/multipart takes for stale,
	// or one that it takes for none at all.
	if !before.mayBeCaught || before.file != "" || !before.staleField && before.name != "" {
		t.Fatalf("a part was changed: %+v became %+v", before, after)
	}
	if after.staleField {
		t.Fatalf("a stale field was left: %+v", after)
	}
	if after.content != strings.Repeat("x", len(before.content)) {
		t.Fatalf("content was changed, but not crossed out: %q became %q", before.content, after.content)
	}
}

// FuzzEditorTakesWhatClientsWrite: a form as libraries write it is never
// refused, and all but its stale fields arrives.
func FuzzEditorTakesWhatClientsWrite(f *testing.F) {
	f.Add("signature", "old", "file", "cat.jpg", "content", false)
	f.Add("a", "b", "signature", "my signature (1).png", "\r\n--", true)
	f.Add("metadata[expire]", "b", "file", "naïve \"cat\".jpg", "", true)
	f.Fuzz(func(t *testing.T, name, value, fileName, filename, content string, fieldFirst bool) {
		edit := testEdit(fuzzBoundary, nil)
		plain := func(s string) bool { // what a program would call a field
			return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
				return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_[]", r)
			})
		}
		switch {
		case !plain(name), !plain(fileName), filename == "",
			len(name)+len(fileName)+len(filename) > MaxPartHeaderSize/8,
			strings.Contains(value+content, "\r\n--"+fuzzBoundary), strings.Contains(name+fileName+filename, "--"+fuzzBoundary):
			return // no client writes it, or it may be refused
		case edit.resembles([]byte(fileName)) && strings.ContainsAny(filename, "\"\\/.\r\n"), edit.hides([]byte(value + content)),
			strings.ContainsAny(filename, "\"\\;") && edit.mentions([]byte(filename)),
			strings.ContainsFunc(filename, func(r rune) bool { return r < ' ' || r == 0x7f }) && edit.mentions([]byte(filename)):
			return // in doubt
		}
		var form bytes.Buffer
		writer := multipart.NewWriter(&form)
		if err := writer.SetBoundary(fuzzBoundary); err != nil {
			t.Fatal(err)
		}
		writeFile := func() {
			part, _ := writer.CreateFormFile(fileName, filename)
			_, _ = io.WriteString(part, content)
		}
		if !fieldFirst {
			writeFile()
		}
		_ = writer.WriteField(name, value)
		if fieldFirst {
			writeFile()
		}
		_ = writer.Close()

		before, err := parseWithMimeMultipart(form.Bytes(), fuzzBoundary)
		if err != nil {
			return // for a control character
		}
		edited, err := readEdited(bytes.NewReader(form.Bytes()), edit)
		if err != nil {
			t.Fatalf("refused: %v\n%q", err, form.Bytes())
		}
		after, err := parseWithMimeMultipart([]byte(edited), fuzzBoundary)
		if err != nil || len(after) != len(before)+len(testFields) {
			t.Fatalf("%v: %d parts became %d", err, len(before), len(after))
		}
		for i := range before {
			comparePart(t, before[i], after[i])
		}
	})
}

// FuzzEditorSlicing: arbitrary bytes in arbitrary slices neither crash the
// editor nor make it hold more than it may, and the result does not depend on
// the slices. An observer is shown the same, too.
func FuzzEditorSlicing(f *testing.F) {
	whole := strings.ReplaceAll(body(field("signature", "old"), file("file", "a", "\r\n--bo-u"), field("UPLOADCARE_PUB_KEY", "k")), testBoundary, fuzzBoundary)
	f.Add([]byte(whole), []byte{1, 2, 3}, uint16(1))
	f.Add([]byte(whole+"epilogue"), []byte{255, 0, 7}, uint16(600))
	f.Add([]byte("\r\n--bo-un\r\n\r\n\r\n--bo-un--"), []byte{5}, uint16(32<<10))
	hidden := body(file("file", "a.jpg", "abc\n"+dash+"\nContent-Disposition: form-data; name=b; filename=c\n\nd"), "\r\nabc", field("a", "b"))
	f.Add([]byte(strings.ReplaceAll(hidden, testBoundary, fuzzBoundary)), []byte{9, 1}, uint16(9000))
	f.Fuzz(func(t *testing.T, data, sizes []byte, bufferSize uint16) {
		edit := testEdit(fuzzBoundary, nil)
		whole, sliced := new(recorder), new(recorder)
		edit.Observer = whole
		want, wantErr := readEdited(bytes.NewReader(data), edit)

		edit.Observer = sliced
		editor := NewEditor(io.NopCloser(&slicingReader{data: data, sizes: sizes}), edit)
		buf := make([]byte, int(bufferSize)+1)
		var got []byte
		var err error
		for err == nil {
			var n int
			n, err = editor.Read(buf)
			got = append(got, buf[:n]...)
			if held := cap(editor.held) + cap(editor.ready) + cap(editor.scratch) + cap(editor.value); held > MaxMemory {
				t.Fatalf("the editor holds %d bytes", held)
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("in slices: %v; at once: %v", err, wantErr)
		}
		if err == nil && string(got) != want {
			t.Fatalf("in slices: %q\nat once: %q", got, want)
		}
		if err == nil {
			checkObserved(t, whole, sliced, want)
		}
		if err != nil && closingLine.Match(got) {
			t.Fatalf("what went out before the error looks complete: %q", got)
		}
	})
}

// closingLine matches a closing delimiter that has its line for itself. To servers that take
// the beginning of another line for one, the form is whole, but the fresh fields are not in it.
var closingLine = regexp.MustCompile("--" + fuzzBoundary + `--[ \t]*(?:[\r\n]|$)`)

// slicingReader hands out data in slices of the given sizes, over and over.
type slicingReader struct {
	data, sizes []byte
	reads       int
}

func (r *slicingReader) Read(p []byte) (int, error) {
	size := 1
	if len(r.sizes) > 0 {
		size = int(r.sizes[r.reads%len(r.sizes)])
	}
	if r.reads++; r.reads%7 == 0 {
		size++ // so that it goes on even when all sizes are 0
	}
	n := copy(p[:min(len(p), size)], r.data)
	r.data = r.data[n:]
	if len(r.data) == 0 && r.reads%2 == 0 || n == 0 && len(r.data) == 0 {
		return n, io.EOF
	}
	return n, nil
}
