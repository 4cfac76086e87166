// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// checkObserved checks that an observer was shown the same parts however a form came in
// slices, and that each content is what left.
func checkObserved(t *testing.T, whole, sliced *recorder, edited string) {
	t.Helper()
	if !slices.Equal(whole.calls, sliced.calls) || whole.ambiguous != sliced.ambiguous {
		t.Fatalf("at once:   %d, %q\nin slices: %d, %q", whole.ambiguous, whole.calls, sliced.ambiguous, sliced.calls)
	}
	rest := "\r\n" + edited
	for _, call := range whole.calls {
		content, found := strings.CutPrefix(call, "content ")
		if !found {
			continue
		}
		_, behind, found := strings.Cut(rest, "\r\n"+content+"\r\n--"+fuzzBoundary)
		if !found {
			t.Fatalf("%q did not leave so: %q", content, rest)
		}
		rest = "\r\n--" + fuzzBoundary + behind
	}
	for _, part := range whole.parts {
		if len(part.FileNames) > maxFileNames || len(part.Types) > maxFileNames || len(part.FileNames) > 0 && !part.File {
			t.Fatalf("%+v", part)
		}
	}
}

// FuzzPart: under no name that resembles that of a forced field does a value of the
// client's leave, neither in a part nor in a query; and what mime/multipart reads as the
// part's file name and type, an observer is shown, or the part is doubtful.
func FuzzPart(f *testing.F) {
	for name := range forcedNames {
		f.Add([]byte(`form-data; name="`+name+`"`), name)
	}
	for _, header := range []string{
		`form-data; name="a"; name*=utf-8''metadata%5Buser%5D`, `form-data; name="file"; filename="a.jpg"`, `form-data; name="file"; filename="a.jpg\".exe"; filename*=utf-8''%62`,
		"form-data; name=file; filename*0=a; filename*1=\".b\"\r\nContent-Type: image/png", `file; name=c; filename=\";filename="b%2f=?utf-8?q?c?=`,
	} {
		f.Add([]byte(header), "metadata;%5Buser")
	}
	f.Fuzz(func(t *testing.T, header []byte, name string) {
		form := bytes.Join([][]byte{[]byte("--bo-un\r\nContent-Disposition: "), header, []byte("\r\n\r\nforged\r\n--bo-un--\r\n")}, nil)
		checkForcedPart(t, form)
		checkFile(t, form)
		checkForcedParameter(t, "a=1&"+name+"=forged")
	})
}

func checkForcedPart(t *testing.T, form []byte) {
	t.Helper()
	edit := testEdit(fuzzBoundary, nil)
	edit.Stale = forced
	edited, err := readEdited(bytes.NewReader(form), edit)
	if err != nil {
		return
	}
	if len(edited) != len(form)+edit.FreshLength {
		t.Fatalf("%d bytes became %d", len(form), len(edited))
	}
	parts, err := parseWithMimeMultipart([]byte(edited), fuzzBoundary)
	if err == nil && len(parts) > 0 && parts[0].file == "" && forced.resemble([]byte(parts[0].name)) {
		t.Fatalf("%q has left", edited)
	}
}

func checkFile(t *testing.T, form []byte) {
	t.Helper()
	edit, r := testEdit(fuzzBoundary, nil), new(recorder)
	edit.Observer = r
	if _, err := readEdited(bytes.NewReader(form), edit); err != nil {
		return
	}
	parts, err := parseWithMimeMultipart(form, fuzzBoundary)
	if err != nil || len(parts) != 1 || len(r.parts) != 1 || r.parts[0].Doubtful || r.ambiguous > 0 {
		return
	}
	got := r.parts[0]
	if name := strings.Trim(parts[0].file, " \t\r\n"); name != "" && !slices.Contains(got.FileNames, name) {
		t.Fatalf("%q is not in %q\n%q", name, got.FileNames, form)
	}
	for _, value := range parts[0].header["Content-Type"] {
		media, _, _ := strings.Cut(value, ";")
		if media = strings.ToLower(strings.TrimSpace(media)); media != "" && !slices.Contains(got.Types, media) && !strings.Contains(media, ",") {
			t.Fatalf("%q is not in %q\n%q", media, got.Types, form)
		}
	}
}

func checkForcedParameter(t *testing.T, query string) {
	t.Helper()
	stripped := StripQuery(query, forced)
	if HidesParameter(stripped, forced) {
		return // it is refused
	}
	values, _ := url.ParseQuery(stripped)
	for key := range values {
		if forced.find([]byte(key)) != "" && !strings.ContainsAny(key, "%=") { // encoded twice
			t.Fatalf("%q of %q is left in %q", key, query, stripped)
		}
	}
}
