// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// scanPlainly is scan in its simplest form, without regard to time.
func scanPlainly(data, delimiter []byte) (int, verdict) {
	dashBoundary := delimiter[len(crlf):]
	for i := range data {
		if bytes.HasPrefix(data[i:], dashBoundary) {
			return i, yes
		}
	}
	for i := range data {
		if bytes.HasPrefix(dashBoundary, data[i:]) || bytes.HasPrefix(delimiter, data[i:]) {
			return i, needMore
		}
	}
	return len(data), no
}

// composed expands a few bytes of fuzzing into much data: pieces of the pattern,
// unchanged or damaged, and any other bytes.
func composed(recipe, pattern []byte) (data []byte) {
	const limit = 64 << 10
	for ; len(recipe) >= 4 && len(data) < limit; recipe = recipe[4:] {
		from, length, times := int(recipe[1])%len(pattern), 1+int(recipe[2]), 1+int(recipe[3])*int(recipe[3])/4
		var piece []byte
		switch recipe[0] % 4 {
		case 0:
			piece = pattern[from:min(len(pattern), from+length)]
		case 1:
			piece = bytes.Clone(pattern)
			piece[from] ^= 1 + recipe[2]
		case 2:
			piece = bytes.Repeat(recipe[1:2], length)
		case 3:
			piece = recipe[4:min(len(recipe), 4+length)]
		}
		if len(piece) > 0 {
			data = append(data, bytes.Repeat(piece, min(times, 1+(limit-len(data))/len(piece)))...)
		}
	}
	return append(data, recipe...)
}

func addRecipes(f *testing.F) {
	f.Helper()
	for _, boundary := range searchBoundaries {
		f.Add(boundary, []byte("\x00\x02\x30\x20\x01\x01\x01\x40\x00\x00\xff\x00"))
		f.Add(boundary, []byte("\x02-\x20\x80\x00\x04\x10\x80\x00\x00\xff\x01"))
		f.Add(boundary, []byte("\x02\x00\xff\xff\x00\x00\x10\x00\x01\x03\x03\x20\x03\x00\x08\x10\r\n--abcd"))
	}
}

// FuzzSearch: whatever the boundary and the data, the search finds what a plain
// one does, and so does a scan.
func FuzzSearch(f *testing.F) {
	addRecipes(f)
	f.Fuzz(func(t *testing.T, boundary string, recipe []byte) {
		if boundary == "" || len(boundary) > MaxBoundaryLength || len(recipe) > 256 {
			return
		}
		delimiter := []byte("\r\n--" + boundary)
		pattern := delimiter[len(crlf):]
		data := composed(recipe, pattern)
		var s search
		s.prepare(pattern)
		defer s.release()
		if got, want := s.index(data), bytes.Index(data, pattern); got != want {
			t.Fatalf("found at %d, want %d, in %d bytes", got, want, len(data))
		}
		data = data[len(data)-min(len(data), 4<<10):] // the simple scan is slow
		wantIndex, want := scanPlainly(data, delimiter)
		if index, got := scan(data, delimiter); index != wantIndex || got != want {
			t.Fatalf("scan: %d, %d; want %d, %d", index, got, wantIndex, want)
		}
		if index, got := judge(data, delimiter, s.index(data)); index != wantIndex || got != want {
			t.Fatalf("search: %d, %d; want %d, %d", index, got, wantIndex, want)
		}
	})
}

// FuzzEditorContent: a file arrives as it was sent, however it is read, with the
// boundary in it too, unless that begins a line.
func FuzzEditorContent(f *testing.F) {
	addRecipes(f)
	f.Fuzz(func(t *testing.T, boundary string, recipe []byte) {
		if !isBoundary(boundary) || len(recipe) > 256 {
			return
		}
		dashBoundary := "--" + boundary
		content := composed(recipe, []byte(dashBoundary))
		header := dashBoundary + "\r\n" + file("file", "a", "")
		form := header + string(content) + "\r\n" + dashBoundary + "--\r\n"
		edit := testEdit(boundary, nil)
		var fresh []byte
		for _, field := range testFields {
			fresh = appendField(fresh, []byte(dashBoundary), field)
		}
		want := header + string(content) + "\r\n" + string(fresh) + dashBoundary + "--\r\n"
		for _, size := range []int{600, 5000, 32 << 10, 1 << 20} {
			editor := NewEditor(io.NopCloser(bytes.NewReader([]byte(form))), edit)
			var got bytes.Buffer
			_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{editor}, make([]byte, size))
			if editor.search.words != nil {
				t.Fatal("the editor keeps what it has to give back")
			}
			if bytes.Contains(content, []byte("\r\n"+dashBoundary)) {
				if err == nil && got.Len() != len(want) || err != nil && !IsFormError(err) {
					t.Fatalf("%d bytes at a time: %v", size, err)
				}
				continue
			}
			if strings.Contains(boundary+string(content), "=") && errors.Is(err, ErrAmbiguousDelimiter) {
				continue // what stands between the boundary and an equals sign may hide a name
			}
			if err != nil || got.String() != want {
				t.Fatalf("%d bytes at a time: the file has changed, or %v", size, err)
			}
		}
	})
}
