// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"mime/multipart"
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
		"near delimiters":  repeat("\r\n--" + testBoundary[:len(testBoundary)-1]),
		"line and dashes":  repeat("\r\n--"),
		"dashes":           repeat("-"),
		"carriage returns": repeat("\r"),
	}
}

func benchmarkEach(b *testing.B, run func(b *testing.B, form []byte)) {
	b.Helper()
	for name, content := range benchmarkFiles() {
		b.Run(name, func(b *testing.B) {
			form := []byte(body(field("UPLOADCARE_PUB_KEY", "demopublickey"), field("signature", "old"), file("file", "a.bin", string(content))))
			b.SetBytes(int64(len(form)))
			b.ReportAllocs()
			for b.Loop() {
				run(b, form)
			}
		})
	}
}

// BenchmarkEditor is the editor as the proxy drives it, 32 KiB at a time.
func BenchmarkEditor(b *testing.B) {
	edit := testEdit(testBoundary, nil)
	buf := make([]byte, 32<<10)
	benchmarkEach(b, func(b *testing.B, form []byte) {
		b.Helper()
		drain(b, NewEditor(io.NopCloser(bytes.NewReader(form)), edit), buf)
	})
}

// BenchmarkPlainCopy is the floor: the same bytes, not looked at.
func BenchmarkPlainCopy(b *testing.B) {
	buf := make([]byte, 32<<10)
	benchmarkEach(b, func(b *testing.B, form []byte) {
		b.Helper()
		drain(b, bytes.NewReader(form), buf)
	})
}

// BenchmarkMimeMultipart is the straightforward way: parse the form with
// mime/multipart and write it anew.
func BenchmarkMimeMultipart(b *testing.B) {
	buf := make([]byte, 32<<10)
	benchmarkEach(b, func(b *testing.B, form []byte) {
		b.Helper()
		writer := multipart.NewWriter(io.Discard)
		reader := multipart.NewReader(bytes.NewReader(form), testBoundary)
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
	})
}

// BenchmarkEditorSmall is a form of 20 KiB: what an upload costs besides its bytes.
func BenchmarkEditorSmall(b *testing.B) {
	edit := testEdit(testBoundary, nil)
	buf := make([]byte, 32<<10)
	form := []byte(body(field("UPLOADCARE_PUB_KEY", "demopublickey"), field("signature", "old"), file("file", "a.bin", strings.Repeat("abcdefg\n", 2500))))
	b.SetBytes(int64(len(form)))
	b.ReportAllocs()
	for b.Loop() {
		drain(b, NewEditor(io.NopCloser(bytes.NewReader(form)), edit), buf)
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
