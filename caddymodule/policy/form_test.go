// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// slicedReader returns a form in pieces of random sizes.
type slicedReader struct {
	*bytes.Reader
	random *rand.Rand
	most   int
}

func (r *slicedReader) Read(p []byte) (int, error) {
	return r.Reader.Read(p[:min(len(p), 1+r.random.IntN(r.most))])
}

func (r *slicedReader) Close() error { return nil }

// edit edits a form with a judge as observer. It returns what left, and the error.
func edit(body io.ReadCloser, boundary string, j *Judge, finish func() error) ([]byte, error) {
	e := form.NewEditor(body, form.Edit{
		Boundary: boundary, Stale: form.NewNames("signature"), Observer: j,
		Fresh: func() ([]form.Field, error) { return nil, finish() },
	})
	return io.ReadAll(e)
}

// Invariant 11: what a policy forbids never reaches the upstream whole. Random forms in
// random pieces get the verdicts of the oracle.
func TestInvariant11RandomFormsGetTheVerdictOfTheOracle(t *testing.T) {
	const boundary, forms = "----boundary0123456789", 10000
	random := rand.New(rand.NewPCG(16, 16)) //nolint:gosec // repeatable
	refused := make(map[string]int)
	for range forms {
		body := randomForm(random, boundary)
		files, err := readFiles(body, boundary)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		policies := []Policy{randomPolicy(random), randomPolicy(random), randomPolicy(random)}[:1+random.IntN(3)]
		var candidates []*Rules
		for _, p := range policies {
			candidates = append(candidates, compile(t, p))
		}
		chosen := random.IntN(len(policies))
		j := NewJudge(at(t, uploadapi.Base), candidates)
		if j == nil {
			continue
		}
		source := &slicedReader{bytes.NewReader(body), random, []int{1, 10, 1000, 100000}[random.IntN(4)]}
		left, err := edit(source, boundary, j, func() error { return errors.Join(j.Choose(candidates[chosen]), j.Finish()) })
		codes := oracle(policies[chosen], files)
		var refusal *uploadapi.Error
		switch {
		case err == nil && codes == nil && bytes.Equal(left, body):
			refused["no"]++
			continue
		case err != nil && !errors.As(err, &refusal), err == nil:
			t.Fatalf("%v\npolicy %v, files %+v: the oracle says %q", err, candidates[chosen], files, codes)
		case bytes.Contains(left, []byte(boundary+"--")):
			t.Fatalf("the form is refused, and left: %q", left)
		}
		// Before the project is known, the refusal is that of whichever candidate.
		for _, p := range policies {
			codes = append(codes, oracle(p, files)...)
		}
		if !slices.Contains(codes, refusal.Code) || oracle(policies[chosen], files) == nil {
			t.Fatalf("%v\npolicy %v, files %+v: the oracle says %q", err, candidates[chosen], files, codes)
		}
		refused[refusal.Code]++
	}
	t.Log(refused)
	for _, code := range []string{"no", uploadapi.ErrFileTooLarge.Code, uploadapi.ErrFileType.Code, uploadapi.ErrTooManyFiles.Code} {
		if refused[code] < forms/40 {
			t.Errorf("%s: only %d of %d forms", code, refused[code], forms)
		}
	}
}

// SDKs for Java and .NET declare a type for each field, the stale ones too.
func TestTypedFieldsAreNoFiles(t *testing.T) {
	var body bytes.Buffer
	for _, name := range []string{"UPLOADCARE_PUB_KEY", "signature", "metadata[user]", "UPLOADCARE_STORE"} {
		for _, parameter := range []string{"", "; charset=ISO-8859-1"} {
			fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\nContent-Type: text/plain%s\r\n\r\nvalue\r\n", name, parameter)
		}
	}
	fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n%s\r\n--b--\r\n", contents["png"])
	j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{Types: []string{"image/*"}, MaxFiles: 1, MaxFileSize: 100})})
	left, err := edit(io.NopCloser(&body), "b", j, j.Finish)
	if err != nil || !bytes.Contains(left, []byte(contents["png"])) {
		t.Fatalf("%v, and %q left", err, left)
	}
}

// Invariant 11: some servers read any number of files within a part that is a form of its
// own, however its type is written. A urlencoded one has none.
func TestInvariant11AFormWithinAPartPassesNoLimit(t *testing.T) {
	for mediaType, allowed := range map[string]bool{
		"multipart/mixed; boundary=C":                                      false,
		"Multipart/Mixed":                                                  false,
		"multipart /mixed; boundary=C":                                     false,
		"\"multipart/mixed\"; boundary=C":                                  false,
		"text/plain; x=multipart/mixed; boundary=C":                        false,
		"application/x-www-form-urlencoded; x=multipart/mixed; boundary=C": false,
		"application/x-www-form-urlencoded":                                true,
		"application/x-www-form-urlencoded; charset=utf-8":                 true,
		"text/plain": true,
	} {
		within := strings.Repeat("--C\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.exe\"\r\n\r\nMZ\r\n", 150) + "--C--\r\n"
		body := "--b\r\nContent-Disposition: form-data; name=\"f\"\r\nContent-Type: " + mediaType + "\r\n\r\n" + within + "\r\n--b--\r\n"
		j := NewJudge(at(t, uploadapi.Base), []*Rules{compile(t, Policy{MaxFiles: 2})})
		_, err := edit(io.NopCloser(strings.NewReader(body)), "b", j, j.Finish)
		if (err == nil) != allowed {
			t.Errorf("%s: %v", mediaType, err)
		}
		if err != nil {
			requireRefusal(t, err, uploadapi.ErrTooManyFiles, "max_files")
		}
	}
}
