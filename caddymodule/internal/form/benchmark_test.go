// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"slices"
	"strings"
	"testing"
)

// benchmarkFiles are file contents of 1 MiB, from easy to hostile.
func benchmarkFiles() map[string][]byte {
	const size = 1 << 20
	random := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random)
	repeat := func(s string) []byte { return bytes.Repeat([]byte(s), size/len(s)+1)[:size] }
	return map[string][]byte{
		"random":           random,
		"text":             repeat("The quick brown fox jumps over the lazy dog -- again.\r\n"),
		"near delimiters":  repeat("\r\n--" + benchmarkBoundary[:len(benchmarkBoundary)-1]),
		"line and dashes":  repeat("\r\n--"),
		"dashes":           repeat("-"),
		"carriage returns": repeat("\r"),
	}
}

// benchmarkBoundary is as long as a browser's.
const benchmarkBoundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW1"

func benchmarkForm(content string) []byte {
	return formOf(field("UPLOADCARE_PUB_KEY", "demopublickey"), field("signature", "old"), file("file", "a.bin", content))
}

func formOf(parts ...string) []byte {
	return []byte(strings.ReplaceAll(body(parts...), testBoundary, benchmarkBoundary))
}

// BenchmarkEditor compares the editor as the proxy drives it, 32 KiB at a time,
// with the straightforward way, which is to parse the form with mime/multipart
// and to write it anew, and with the minimum, which is to copy the same bytes:
// benchstat -col /way.
func BenchmarkEditor(b *testing.B) {
	ways := map[string]func(form, buf []byte) error{
		"editor":         editForm,
		"mime.multipart": rewriteForm,
		"copy":           func(form, buf []byte) error { return drain(bytes.NewReader(form), buf) },
	}
	files := benchmarkFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		form := benchmarkForm(string(files[name]))
		for _, way := range slices.Sorted(maps.Keys(ways)) {
			b.Run(strings.ReplaceAll(name, " ", "-")+"/way="+way, func(b *testing.B) {
				buf := make([]byte, 32<<10)
				b.SetBytes(int64(len(form)))
				b.ReportAllocs()
				for b.Loop() {
					if err := ways[way](form, buf); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

var benchmarkEdit = testEdit(benchmarkBoundary, nil)

func editForm(form, buf []byte) error {
	return drain(NewEditor(io.NopCloser(bytes.NewReader(form)), benchmarkEdit), buf)
}

func rewriteForm(form, buf []byte) error {
	writer := multipart.NewWriter(io.Discard)
	reader := multipart.NewReader(bytes.NewReader(form), benchmarkBoundary)
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if part.FileName() == "" && testStale.resemble([]byte(part.FormName())) {
			continue
		}
		out, err := writer.CreatePart(part.Header)
		if err != nil {
			return err
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{out}, part, buf); err != nil {
			return err
		}
	}
	for _, f := range testFields {
		_ = writer.WriteField(f.Name, f.Value)
	}
	return writer.Close()
}

// BenchmarkEditorSmall is a form of 20 KiB: what an upload costs besides its bytes.
func BenchmarkEditorSmall(b *testing.B) {
	buf := make([]byte, 32<<10)
	form := benchmarkForm(strings.Repeat("abcdefg\n", 2500))
	b.SetBytes(int64(len(form)))
	b.ReportAllocs()
	for b.Loop() {
		if err := editForm(form, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkObserver is what an observer costs that looks at nothing: benchstat -col
// /observer.
func BenchmarkObserver(b *testing.B) {
	observed := benchmarkEdit
	observed.Observer = countingObserver{}
	edits := map[string]Edit{"none": benchmarkEdit, "one": observed}
	forms := map[string][]byte{
		"20-KiB":    benchmarkForm(strings.Repeat("abcdefg\n", 2500)),
		"1-MiB":     benchmarkForm(string(benchmarkFiles()["random"])),
		"20-fields": formOf(slicesOf(20, field("other", "value"))...),
	}
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		for _, observer := range slices.Sorted(maps.Keys(edits)) {
			b.Run(name+"/observer="+observer, func(b *testing.B) {
				src, form, buf := &source{}, forms[name], make([]byte, 32<<10)
				b.SetBytes(int64(len(form)))
				b.ReportAllocs()
				for b.Loop() {
					src.Reset(form)
					if err := drain(NewEditor(src, edits[observer]), buf); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkBudget has the forms whose cost .ci/budget compares with committed
// figures. None of it depends on chance. It counts instructions, some thousand
// operations each, so that no form is large.
func BenchmarkBudget(b *testing.B) {
	const reads, packets = 32 << 10, 1400
	key, other, files := field("UPLOADCARE_PUB_KEY", "demopublickey"), field("other", "value"), benchmarkFiles()
	content := func(name string, size int) string { return string(files[name][:size]) }
	shapes := map[string]struct {
		form     []byte
		readSize int
	}{
		"1-KiB":           {formOf(key, file("file", "a.bin", strings.Repeat("abcdefg\n", 128))), reads},
		"20-KiB":          {benchmarkForm(strings.Repeat("abcdefg\n", 2500)), reads},
		"20-fields":       {formOf(slicesOf(20, other)...), reads},
		"random":          {benchmarkForm(content("random", 256<<10)), reads},
		"random-packets":  {benchmarkForm(content("random", 64<<10)), packets},
		"text":            {benchmarkForm(content("text", 256<<10)), reads},
		"near-delimiters": {benchmarkForm(content("near delimiters", 64<<10)), reads},
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		b.Run(name, func(b *testing.B) {
			src, form, buf := &source{}, shapes[name].form, make([]byte, shapes[name].readSize)
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(form)
				if err := drain(NewEditor(src, benchmarkEdit), buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// drain takes no testing.B: its Helper would cost as much as a small form.
func drain(reader io.Reader, buf []byte) error {
	for {
		if _, err := reader.Read(buf); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// BenchmarkHostileHeader reads headers of the maximum size that are full of reasons
// for doubt. The cost must be proportional to the size: the figures per byte of
// the two sizes are to be alike.
func BenchmarkHostileHeader(b *testing.B) {
	for name, pattern := range map[string]string{
		"words": ";x", "encoded-words": "=?u?q?c?=", "names": ";name=b", "file-names": `;filename="a/b\%41&;=?u?q?c?=`, "lines": "\r\nContent-Disposition:x", "continued": ";name*1=a", "quotes": `;a="\"`, "escapes": ";%6e=%", "controls": "\x01;",
	} {
		for _, size := range []int{MaxPartHeaderSize / 8, MaxPartHeaderSize} {
			header := `Content-Disposition: form-data; name="a"`
			header += strings.Repeat(pattern, (size-len(header))/len(pattern))
			form := []byte(body(header + "\r\n\r\nabc"))
			b.Run(fmt.Sprintf("%s/size=%d", name, size), func(b *testing.B) {
				buf := make([]byte, 64<<10)
				b.SetBytes(int64(len(form)))
				for b.Loop() {
					edit := testEdit(testBoundary, nil)
					edit.Observer = new(recorder)
					err := drain(NewEditor(io.NopCloser(bytes.NewReader(bytes.Clone(form))), edit), buf)
					if err != nil && !errors.Is(err, errDoubtful) { // a header may be refused once it has been read
						b.Fatal(err)
					}
				}
			})
		}
	}
}
