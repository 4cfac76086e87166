// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recorder is an observer that keeps what it is shown, and fails where it is asked to.
type recorder struct {
	calls     []string // content in one piece
	parts     []Part
	ambiguous int
	inPart    bool
	failOn    string // the first of these calls fails
}

var errObserver = errors.New("observer")

func (r *recorder) call(kind, text string) error {
	if last := len(r.calls) - 1; kind == "content" && last >= 0 && strings.HasPrefix(r.calls[last], kind) {
		r.calls[last] += text
	} else {
		r.calls = append(r.calls, kind+" "+text)
	}
	if kind == r.failOn {
		return errObserver
	}
	return nil
}

func (r *recorder) Begin(part *Part) error {
	if r.inPart {
		return errors.New("a part within a part")
	}
	r.inPart = true
	kept := *part
	kept.Name, kept.FileNames, kept.Types = slices.Clone(part.Name), slices.Clone(part.FileNames), slices.Clone(part.Types)
	r.parts = append(r.parts, kept)
	return r.call("begin", string(part.Name))
}

func (r *recorder) Content(piece []byte) error {
	if !r.inPart || len(piece) == 0 {
		return errors.New("content outside of a part, or none")
	}
	return r.call("content", string(piece))
}

func (r *recorder) End() error {
	if !r.inPart {
		return errors.New("an end without a part")
	}
	r.inPart = false
	return r.call("end", "")
}

func (r *recorder) Ambiguous() error {
	if r.ambiguous++; r.failOn == "ambiguous" {
		return errObserver
	}
	return nil
}

func observe(source io.Reader, r *recorder) (string, error) {
	edit := testEdit(testBoundary, nil)
	edit.Observer = r
	return readEdited(source, edit)
}

func TestObserverSeesThePartsAsTheyLeave(t *testing.T) {
	key, content := field("UPLOADCARE_PUB_KEY", "k"), "\r\n--"+testBoundary[:9]+"\r\n\x00"
	for name, test := range map[string]struct {
		form string
		want []string
	}{
		"fields and a file": {body(key, file("file", "a.jpg", content)), []string{"begin UPLOADCARE_PUB_KEY", "content k", "end ", "begin file", "content " + content, "end "}},
		"an empty one":      {body(field("a", ""), key), []string{"begin a", "end ", "begin UPLOADCARE_PUB_KEY", "content k", "end "}},
		"a stale one":       {body(field("signature", "old")), []string{"begin xxxxxxxxx", "content xxx", "end "}},
		"without a header":  {body("\r\nabc", key), []string{"begin ", "content abc", "end ", "begin UPLOADCARE_PUB_KEY", "content k", "end "}},
		"a delimiter twice": {strings.Replace(body(key), dash, dash+"\r\n"+dash, 1), []string{"begin UPLOADCARE_PUB_KEY", "content k", "end "}},
		"no part":           {body(), nil},
		"a preamble":        {"This is a form.\r\n" + body(key) + "The end.", []string{"begin UPLOADCARE_PUB_KEY", "content k", "end "}},
		"a form to complete": {
			strings.TrimSuffix(body(key), "--\r\n") + "\r\n", []string{"begin UPLOADCARE_PUB_KEY", "content k", "end "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for slicing, source := range slicings(test.form) {
				r := new(recorder)
				if _, err := observe(source, r); err != nil || !slices.Equal(r.calls, test.want) || r.inPart {
					t.Errorf("%s: %v\n got %q\nwant %q", slicing, err, r.calls, test.want)
				}
			}
		})
	}
}

// What is crossed out of a stale field's header says nothing of it any more.
func TestObserverSeesNoTypeOfAStaleField(t *testing.T) {
	r := new(recorder)
	stale := "Content-Disposition: form-data; name=\"signature\"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nold"
	if _, err := observe(strings.NewReader(body(stale)), r); err != nil || len(r.parts) != 1 || r.parts[0].Nested || r.parts[0].File || len(r.parts[0].Types) > 0 {
		t.Errorf("error %v, got %+v", err, r.parts)
	}
}

// Invariant 11: what a policy forbids never reaches the upstream whole.
func TestInvariant11ObserverEndsAForm(t *testing.T) {
	form := body(field("a", "b"), file("file", "a.jpg", "content"), field("c", "d"))
	edge := body(field("a", "b"), file("file", "a.jpg", "abc\n"+dash+"\n"+field("x", "y")+"\r\n\r\n"))
	far := body(file("file", "a.jpg", "abc\n"+dash+"\nX: "+strings.Repeat("y", 17<<10)+"\n"+file("file", "b.exe", "MZ")))
	bare := body("\r\nX: " + strings.Repeat("y", 9000) + "\r\n" + file("file", "b.exe", "MZ"))
	for name, test := range map[string]struct {
		form, failOn, mayLeave string
	}{
		"when a part begins":    {form, "begin", dash + "\r\n"},
		"within its content":    {body(file("file", "a.jpg", "content")), "content", strings.Split(body(file("file", "a.jpg", "content")), "content\r\n")[0]},
		"when a part ends":      {form, "end", strings.Split(form, "\r\n"+dash)[0]},
		"when it is ambiguous":  {edge, "ambiguous", strings.Split(edge, dash+"\n")[0]},
		"when it is far behind": {far, "ambiguous", strings.Split(far, "\r\n\r\nMZ")[0]},
		"far within no header":  {bare, "ambiguous", strings.Split(bare, "\r\n\r\nMZ")[0]},
		"before the first part": {field("x", "y") + "\r\n" + form, "ambiguous", ""},
		"after the last part":   {form + field("x", "y"), "ambiguous", strings.TrimSuffix(form, dash+"--\r\n")},
		"in a header":           {body("X: a" + dash + "\r\n" + field("x", "y")), "ambiguous", dash + "\r\n"},
		"behind empty lines":    {body("\r\n" + field("x", "y")), "ambiguous", strings.Split(body("\r\n"+field("x", "y")), "\r\n"+dash+"--")[0]},
		"without a header":      {body("\r\nabc"), "begin", dash + "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for slicing, source := range slicings(test.form) {
				got, err := observe(source, &recorder{failOn: test.failOn})
				if !errors.Is(err, errObserver) || !strings.HasPrefix(test.mayLeave, got) {
					t.Errorf("%s: %v, and %q left", slicing, err, got)
				}
			}
		})
	}
}

func TestObserverLearnsWhereServersMayBeginAPart(t *testing.T) {
	photo := file("file", "a.jpg", "1")
	evil := "Content-Disposition: form-data; name=\"b\"; filename=\"b.exe\"\r\n\r\nMZ"
	within := func(content string) string { return body(file("file", "a.jpg", content)) }
	for name, form := range map[string]string{
		"LF before a delimiter":        within("abc\n" + dash + "\r\n" + evil),
		"LF around a delimiter":        within("abc\n" + dash + "\n" + strings.ReplaceAll(evil, "\r", "")),
		"CR before a delimiter":        within("abc\r" + dash + "\r" + evil),
		"no line end before it":        within("abc" + dash + "\r\n" + evil),
		"blanks behind it":             within("abc\r\n" + dash + " \t\r\n" + evil),
		"more behind it":               within("abc\r\n" + dash + "0\r\n" + evil),
		"at the beginning of content":  within(dash + "\r\n" + evil),
		"only a type behind it":        within("abc\n" + dash + "\nContent-Type: text/html\n\nabc"),
		"a second one far behind":      within("abc\n" + dash + "\n" + strings.Repeat("x", 9000) + "\n" + dash + "\n" + evil),
		"a folded name of a line":      within("abc\n" + dash + "\nContent\x00-Disposition: form-data; name=b\n\nabc"),
		"in a header":                  body("X: a" + dash + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\nabc"),
		"in a file name":               body(file("file", "a"+dash+".jpg", "abc")),
		"in the preamble":              "see " + dash + "\r\n" + evil + "\r\n" + body(photo),
		"a part in the preamble":       evil + "\r\n" + body(photo),
		"a part after the close":       body(photo) + evil,
		"a part between two closes":    body(photo) + evil + "\r\n" + dash + "--\r\n",
		"an empty line before it":      body("\r\n" + evil),
		"two of them":                  body("\r\n\r\n\r\n" + evil),
		"no header, but a long line":   body("\r\n" + strings.Repeat("x", unheadedSize)),
		"a stale field that holds one": body(field("signature", "abc"+dash+" \r\nfilename")),
	} {
		t.Run(name, func(t *testing.T) {
			for slicing, source := range slicings(form) {
				r := new(recorder)
				if _, err := observe(source, r); err != nil || r.ambiguous == 0 {
					t.Errorf("%s: %v, %q", slicing, err, r.calls)
				}
			}
		})
	}
}

func TestObserverDoesNotLearnOfContentThatIsNoPart(t *testing.T) {
	for name, form := range map[string]string{
		"the boundary in a line":       body(file("file", "a.jpg", "abc"+dash+"abc")),
		"a long line behind it":        body(file("file", "a.jpg", "abc\n"+dash+"\n"+strings.Repeat("x", 40<<10))),
		"over and over":                body(file("file", "a.jpg", strings.Repeat("abc\n"+dash+"\n", 3000))),
		"a near-delimiter":             body(file("file", "a.jpg", "\r\n--"+testBoundary[:9]+"\r\nContent-Disposition: form-data; name=a; filename=b")),
		"a part far behind":            body(file("file", "a.jpg", "abc\n"+dash+"\n\n\nabc\r\n\r\nContent-Disposition: form-data; name=a; filename=b")),
		"a preamble and an epilogue":   "This is a multi-part message.\r\n" + body(file("file", "a.jpg", "abc")) + "The end.",
		"a second close":               body(file("file", "a.jpg", "abc")) + dash + "--\r\n",
		"no header":                    body("\r\nabc\r\n\r\nContent-Disposition: form-data; name=a; filename=b"),
		"another form as a file":       body(file("file", "a.txt", strings.ReplaceAll(body(file("file", "a.jpg", "abc")), testBoundary, "other"))),
		"a delimiter behind another":   strings.Replace(body(file("file", "a.jpg", "abc")), dash, dash+"\r\n"+dash, 1),
		"a header as clients write it": body(file("Content-Type", "filename", "Content-Disposition: form-data; filename=a")),
	} {
		t.Run(name, func(t *testing.T) {
			for slicing, source := range slicings(form) {
				r := new(recorder)
				if _, err := observe(source, r); err != nil || r.ambiguous != 0 {
					t.Errorf("%s: %v, %q", slicing, err, r.calls)
				}
			}
		})
	}
}

// However many files a form has, an observer costs one part and the files' names.
func TestObserverAllocatesOnePart(t *testing.T) {
	for count, want := range map[int]float64{1: 3, 100: 102} {
		parts := make([]string, 0, count)
		for i := range count {
			parts = append(parts, file("file", "photo "+strconv.Itoa(i)+".jpg", "abc"))
		}
		src, form, buf := &source{}, []byte(body(parts...)), make([]byte, 32<<10)
		edit := testEdit(testBoundary, nil)
		edit.Observer = countingObserver{}
		got := testing.AllocsPerRun(100, func() {
			src.Reset(form)
			if err := drain(NewEditor(src, edit), buf); err != nil {
				t.Fatal(err)
			}
		})
		if got != want {
			t.Errorf("%d files: %v allocations, want %v", count, got, want)
		}
	}
}

// countingObserver looks at what it is shown, and allocates nothing.
type countingObserver struct{}

func (countingObserver) Begin(part *Part) error {
	if part.File && (len(part.FileNames) != 1 || len(part.Types) != 1 || part.Doubtful) {
		return errObserver
	}
	return nil
}

func (countingObserver) Content([]byte) error { return nil }
func (countingObserver) End() error           { return nil }
func (countingObserver) Ambiguous() error     { return errObserver }
