// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// source is a body that can be read again.
type source struct{ bytes.Reader }

func (*source) Close() error { return nil }

// Whatever the size of a form, an editor is one allocation, and the value of a
// watched field another.
func TestEditorAllocatesOnce(t *testing.T) {
	key, photo := field("UPLOADCARE_PUB_KEY", "demopublickey"), file("file", "a.bin", strings.Repeat("abcdefg\n", 128))
	large := file("file", "a.bin", strings.Repeat("abcdefg\n", 1<<17))
	tests := map[string]struct {
		form string
		want float64
	}{
		"1 KiB":               {body(key, photo), 2},
		"1 MiB":               {body(key, large), 2},
		"with stale fields":   {body(field("signature", "old"), key, large, field("expire", "")), 2},
		"without a watched":   {body(field("other", "1"), large), 1},
		"with many fields":    {body(slicesOf(100, field("other", "1"))...), 1},
		"with a huge field":   {body(field("signature", strings.Repeat("abc\r\n", 1<<18))), 1},
		"with many files":     {body(slicesOf(100, photo)...), 1},
		"with an odd charset": {body(field("ключ", "1"), photo), 1},
	}
	for name, test := range tests {
		edit := testEdit(testBoundary, nil)
		src, form, buf := &source{}, []byte(test.form), make([]byte, 32<<10)
		got := testing.AllocsPerRun(100, func() {
			src.Reset(form)
			editor := NewEditor(src, edit)
			for {
				if _, err := editor.Read(buf); errors.Is(err, io.EOF) {
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
		})
		if got != test.want {
			t.Errorf("%s: %v allocations, want %v", name, got, test.want)
		}
	}
}

// A plain value is shown as it is.
func TestWatchQueryOfPlainValuesAllocatesNothing(t *testing.T) {
	names, shown := NewNames("UPLOADCARE_PUB_KEY", "pub_key"), 0
	watch := func(_, _ string) error { shown++; return nil }
	if got := testing.AllocsPerRun(100, func() {
		_ = WatchQuery("jsonerrors=1&pub_key=demopublickey&source_url=https%3A%2F%2Fa%2F;b", names, watch)
	}); got != 0 || shown == 0 {
		t.Errorf("%v allocations, %d values", got, shown)
	}
}

func slicesOf(count int, part string) (parts []string) {
	for range count {
		parts = append(parts, part)
	}
	return parts
}

func TestEditorCrossesOutAFieldOfAnySize(t *testing.T) {
	for _, size := range []int{1, 63, 64, 65, 1000, 100_000} {
		edited, err := readEdited(strings.NewReader(body(field("signature", strings.Repeat("s", size)))), testEdit(testBoundary, nil))
		if want := signed(field("xxxxxxxxx", strings.Repeat("x", size))); err != nil || edited != want {
			t.Errorf("%d bytes: %v, or not crossed out", size, err)
		}
	}
}

// Editors use what they share one after the other.
func TestEditorsAtTheSameTimeDoNotMix(t *testing.T) {
	var editors sync.WaitGroup
	for name, boundary := range searchBoundaries {
		form := "--" + boundary + "\r\n" + file("file", "a", strings.Repeat(name, 10<<10)) + "\r\n--" + boundary + "--\r\n"
		want, err := readEdited(strings.NewReader(form), testEdit(boundary, nil))
		if err != nil {
			t.Fatal(err)
		}
		editors.Go(func() {
			for range 20 {
				got, err := readEdited(strings.NewReader(form), testEdit(boundary, nil))
				if err != nil || got != want {
					t.Errorf("%s: %v, %d bytes, want %d", name, err, len(got), len(want))
				}
			}
		})
	}
	editors.Wait()
}

func TestEditorGivesBackWhatItShares(t *testing.T) {
	large := file("file", "a.bin", strings.Repeat("abcdefg\n", 1<<14))
	broken := errors.New("broken")
	tests := map[string]struct {
		source io.Reader
		want   error
	}{
		"at the end":                      {strings.NewReader(body(large)), io.EOF},
		"when the form breaks off":        {strings.NewReader(body(large)[:len(large)]), ErrUnexpectedEnd},
		"when the form cannot be edited":  {strings.NewReader(body(large, "Content-ID: signature\r\n\r\n")), ErrMalformedHeader},
		"when the source breaks":          {io.MultiReader(strings.NewReader(body(large)[:len(large)]), brokenReader{broken}), broken},
		"when the source yields no bytes": {io.MultiReader(strings.NewReader(body(large)[:len(large)]), brokenReader{nil}), io.ErrNoProgress},
	}
	for name, test := range tests {
		editor := NewEditor(io.NopCloser(test.source), testEdit(testBoundary, nil))
		buf, shared := make([]byte, 32<<10), false
		var err error
		for err == nil {
			_, err = editor.Read(buf)
			shared = shared || editor.search.words != nil
		}
		if !errors.Is(err, test.want) || !shared || editor.search.words != nil {
			t.Errorf("%s: got %v, shared: %t, kept: %t", name, err, shared, editor.search.words != nil)
		}
	}
}

// brokenReader yields nothing but err.
type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

// Invariant 4: memory per request has a fixed bound, whatever the size, and what
// a search needs is part of it.
func TestInvariant4EditorMemoryWithItsSearchIsBounded(t *testing.T) {
	header := "X: " + strings.Repeat("y", MaxPartHeaderSize-200) + "\r\n"
	in := body(slicesOf(40, header+field("other", strings.Repeat("z", 10<<10)))...)
	searched := false
	for _, size := range []int{1, 600, 9000, 32 << 10} {
		editor := NewEditor(io.NopCloser(iotest.HalfReader(strings.NewReader(in))), testEdit(testBoundary, nil))
		buf := make([]byte, size)
		for {
			_, err := editor.Read(buf)
			held := cap(editor.held) + cap(editor.ready) + cap(editor.scratch) + cap(editor.value)
			if editor.search.words != nil {
				searched = true
				held += len(editor.search.words)
			}
			if held > MaxMemory {
				t.Fatalf("buffer of %d: the editor holds %d bytes", size, held)
			}
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if !searched {
		t.Error("no search was prepared")
	}
}
