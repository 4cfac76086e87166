// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
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
	form := body(field("UPLOADCARE_PUB_KEY", "demopublickey"), field("signature", "old"), file("file", "a.bin", content))
	return []byte(strings.ReplaceAll(form, testBoundary, benchmarkBoundary))
}

// BenchmarkEditor compares the editor as the proxy drives it, 32 KiB at a time,
// with the straightforward way, which is to parse the form with mime/multipart
// and to write it anew, and with the floor, where the same bytes are copied and
// not looked at: benchstat -col /way.
func BenchmarkEditor(b *testing.B) {
	ways := map[string]func(b *testing.B, form, buf []byte){
		"editor":         editForm,
		"mime.multipart": rewriteForm,
		"copy":           func(b *testing.B, form, buf []byte) { b.Helper(); drain(b, bytes.NewReader(form), buf) },
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
					ways[way](b, form, buf)
				}
			})
		}
	}
}

var benchmarkEdit = testEdit(benchmarkBoundary, nil)

func editForm(b *testing.B, form, buf []byte) {
	b.Helper()
	drain(b, NewEditor(io.NopCloser(bytes.NewReader(form)), benchmarkEdit), buf)
}

func rewriteForm(b *testing.B, form, buf []byte) {
	b.Helper()
	writer := multipart.NewWriter(io.Discard)
	reader := multipart.NewReader(bytes.NewReader(form), benchmarkBoundary)
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			b.Fatal(err)
		}
		if part.FileName() == "" && testStale.has([]byte(part.FormName())) {
			continue
		}
		out, err := writer.CreatePart(part.Header)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{out}, part, buf); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range testFields {
		_ = writer.WriteField(f.Name, f.Value)
	}
	_ = writer.Close()
}

// BenchmarkEditorSmall is a form of 20 KiB: what an upload costs besides its bytes.
func BenchmarkEditorSmall(b *testing.B) {
	buf := make([]byte, 32<<10)
	form := benchmarkForm(strings.Repeat("abcdefg\n", 2500))
	b.SetBytes(int64(len(form)))
	b.ReportAllocs()
	for b.Loop() {
		editForm(b, form, buf)
	}
}

func drain(b *testing.B, reader io.Reader, buf []byte) {
	b.Helper()
	for {
		_, err := reader.Read(buf)
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}
