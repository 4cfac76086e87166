// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"
)

// readParts returns `name|filename|content` of each part, through reads of size
// bytes, and how the form ended.
func readParts(body io.Reader, boundary string, size int) (parts []string, err error) {
	reader := newPartReader(body, boundary)
	for {
		header, err := reader.next()
		if err != nil {
			return parts, err
		}
		var content strings.Builder
		if _, err := io.CopyBuffer(struct{ io.Writer }{&content}, struct{ io.Reader }{reader}, make([]byte, size)); err != nil {
			return parts, err
		}
		parts = append(parts, header.name+"|"+header.filename+"|"+content.String())
	}
}

// randomForm writes a form of parts whose contents are full of beginnings of
// delimiters.
func randomForm(random *rand.Rand, boundary string) []byte {
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	if err := writer.SetBoundary(boundary); err != nil {
		panic(err)
	}
	pieces := []string{"\r", "\n", "\r\n", "-", "--", "\r\n--", "\r\n--" + boundary[:1], "\r\n--" + boundary[:len(boundary)-1], "x", "\x00", strings.Repeat("y", 1000)}
	for i := range random.IntN(5) {
		part, err := writer.CreateFormFile(fmt.Sprint("field", i), fmt.Sprint("name", i))
		if err != nil {
			panic(err)
		}
		for range random.IntN(100) {
			_, _ = io.WriteString(part, pieces[random.IntN(len(pieces))])
		}
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
	return form.Bytes()
}

// This reader reads the same of an ordinary form as Go's, wherever the body and the
// reads are cut.
func TestPartsAreWhatGoReads(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		boundary := "boundary" + strings.Repeat("b", random.IntN(20))
		form := randomForm(random, boundary)
		var want []string
		for reader := multipart.NewReader(bytes.NewReader(form), boundary); ; {
			part, err := reader.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, part.FormName()+"|"+part.FileName()+"|"+string(content))
		}
		for name, body := range map[string]io.Reader{
			"whole":         bytes.NewReader(form),
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(form)),
			"by halves":     iotest.HalfReader(bytes.NewReader(form)),
			"data with EOF": iotest.DataErrReader(bytes.NewReader(form)),
		} {
			got, err := readParts(body, boundary, 1+random.IntN(100))
			if !errors.Is(err, io.EOF) || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("%s: read %q, %v\nwant %q\nof %q", name, got, err, want, form)
			}
		}
	}
}

// A form that is cut anywhere before its closing delimiter's last byte is not
// whole.
func TestFormsThatAreCut(t *testing.T) {
	form := strings.TrimSuffix(formOf(field("a", "x"), aFile), "\r\n")
	for end := range len(form) {
		parts, err := readParts(strings.NewReader(form[:end]), testBoundary, 100)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("of %q: %q, %v", form[:end], parts, err)
		}
	}
}

func TestLinesThatBeginLikeADelimiter(t *testing.T) {
	delimiter := "\r\n--" + testBoundary
	for name, content := range map[string]string{
		"a longer boundary":                     delimiter + "x\r\n",
		"a hyphen":                              delimiter + "-\r\n",
		"blanks, then text":                     delimiter + " \t x",
		"LF":                                    delimiter + "\nx",
		"more blanks than a delimiter has":      delimiter + strings.Repeat(" ", 2*partBufferSize) + "\r\n",
		"one behind the other":                  strings.Repeat(delimiter+"-", 3*partBufferSize/len(delimiter)),
		"CR at every place":                     strings.Repeat("\r", 3*partBufferSize),
		"at the end of what is looked at":       strings.Repeat("x", partBufferSize-len(delimiter)) + delimiter + "x",
		"across the end of what is looked at":   strings.Repeat("x", partBufferSize-5) + delimiter + "x",
		"blanks across the end of what is seen": strings.Repeat("x", partBufferSize-len(delimiter)-3) + delimiter + "      x",
	} {
		t.Run(name, func(t *testing.T) {
			body := formOf(file("file", "a", content), field("b", "c"))
			got, err := readParts(strings.NewReader(body), testBoundary, 1000)
			if want := []string{"file|a|" + content, "b||c"}; !errors.Is(err, io.EOF) || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("read %d parts, %v, the first %.100q", len(got), err, got)
			}
		})
	}
}

func TestTheErrorOfABodyIsKept(t *testing.T) {
	broken := errors.New("broken")
	form := formOf(aFile)
	for end := range len(form) - len("--\r\n") {
		body := io.MultiReader(strings.NewReader(form[:end]), iotest.ErrReader(broken))
		if parts, err := readParts(body, testBoundary, 100); !errors.Is(err, broken) {
			t.Errorf("after %q: %q, %v", form[:end], parts, err)
		}
	}
}
