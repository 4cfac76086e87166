// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// forced are names as a policy's: of these, a client's fields never arrive.
var forced = NewNames("metadata[user]", "metadata[a.b:c-d]", "UPLOADCARE_STORE", "store")

// Names that some server takes for one of the set, and near-names that none does.
var (
	forcedNames = map[string]string{
		"metadata[user]": "metadata[user]", "METADATA[USER]": "metadata[user]", "Metadata[User]": "metadata[user]", "metadata[user][]": "metadata[user]", "metadata[user][a]": "metadata[user]",
		"metadata[user]x": "metadata[user]", "metadata[user]]": "metadata[user]", "metadata[user": "metadata[user]", "metadata[user[a]": "metadata[user]", "metadata[[user]]": "metadata[user]", "metadata[][user]": "metadata[user]",
		"metadata][user]": "metadata[user]", "[metadata][user]": "metadata[user]", "metadata.user": "metadata[user]", "metadata.user.x": "metadata[user]", "metadata.[user]": "metadata[user]", "metadata[user].x": "metadata[user]", "metadata.user[]": "metadata[user]",
		" metadata[user]": "metadata[user]", "metadata [user]": "metadata[user]", "metadata[ user ]": "metadata[user]", "metadata[user ]": "metadata[user]", "metadata[user] ": "metadata[user]", "metadata\t[\tuser\t]": "metadata[user]", "metadata[\r\nuser]": "metadata[user]",
		"metadata['user']": "metadata[user]", `metadata["user"]`: "metadata[user]", `metadata[\"user\"]`: "metadata[user]", `metadata[us\er]`: "metadata[user]", "metadata[user\x00]": "metadata[user]", "metadata[user\x00": "metadata[user]", "\x00metadata[user]": "metadata[user]", `/\metadata[user]`: "metadata[user]", "metadata[us\x07er]": "metadata[user]",
		"metadata%5Buser%5D": "metadata[user]", "metadata%5buser%5d": "metadata[user]", "metadata[u%73er]": "metadata[user]", "%6detadata[user]": "metadata[user]", "metadata%u005buser%u005d": "metadata[user]", "metadata[user%5D": "metadata[user]", "metadata%2Euser": "metadata[user]", "m%etadata[%user]": "metadata[user]",
		"metadata[user];x": "metadata[user]", "metadata[user;x]": "metadata[user]", "metadata[user=x": "metadata[user]", "metadata[user&": "metadata[user]", "metadata[user,x]": "metadata[user]", "metadata[user]=x": "metadata[user]",
		"=?utf-8?q?metadata[user]?=": "metadata[user]", "=?utf-8?B?bWV0YWRhdGFbdXNlcl0=?=": "metadata[user]", "utf-8''metadata[user]": "metadata[user]", "utf-8''metadata%5Buser%5D": "metadata[user]",
		"\u00a0metadata[\u2003user]": "metadata[user]", "\ufeffmetadata[user]": "metadata[user]",
		"metadata[a.b:c-d]": "metadata[a.b:c-d]", "METADATA.A.B:C-D": "metadata[a.b:c-d]", "metadata[a.b:c-d][]": "metadata[a.b:c-d]", "metadata%5Ba.b%3Ac-d%5D": "metadata[a.b:c-d]",
		"store": "store", "Store": "store", "store[]": "store", "store[a]": "store", "st%6fre": "store", "UPLOADCARE_STORE": "UPLOADCARE_STORE", "uploadcare.store": "UPLOADCARE_STORE", "UPLOADCARE[STORE": "UPLOADCARE_STORE", "UPLOADCARE STORE[0]": "UPLOADCARE_STORE",
	}
	nearNames = []string{
		"metadata", "metadata[]", "metadata[users]", "metadata[use]", "metadata[user_]", "metadata[us_er]", "metadata[us-er]", "metadata[us.er]", "metadata[user.x]", "metadata[user:x]", "metadata[user-x]", "metadata[user_x]", "metadata[user x]", "metadata[xuser]", "metadata[x.user]",
		"metadata[x][user]", "xmetadata[user]", "x[metadata][user]", "x_metadata[user]", "x.metadata[user]", "metadatax[user]", "metadate[user]", "metadata2[user]", "metadata_[user]", "metadata-user", "metadata_user", "metadata:user", "metadata/user", "metadata user", "metadatauser", "metadata.users", "user", "[user]", "metadata[usеr]",
		"metadata[a.b:c]", "metadata[a.b:c-d.e]", "metadata[a_b:c-d]", "metadata[a.b]", "metadata[a]", "metadata[%75]", "metadata%5Busers%5D", "stores", "my_store", "store_", "store-2", "restore", "UPLOADCARE_STORES", "metadata[store]", "UPLOADCARESTORE",
	}
)

func TestNamesWithAKeyResemble(t *testing.T) {
	for name, want := range forcedNames {
		if got := forced.find([]byte(name)); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for _, name := range nearNames {
		if got := forced.find([]byte(name)); got != "" {
			t.Errorf("%q: got %q", name, got)
		}
	}
}

// CherryPy drops a percent sign that begins no escape, also before what is one to ASP.
func TestNamesThatHoldAnEscapeOfASP(t *testing.T) {
	names := NewNames("metadata[u00e9]")
	for _, name := range []string{"metadata[u00e9]", "metadata[%u00e9]", "metadata%5B%u00e9%5D", "metadata[%u0075%u0030%u0030e9]"} {
		if names.find([]byte(name)) == "" {
			t.Errorf("%q is not found", name)
		}
	}
}

func forcedEdit() Edit {
	edit := testEdit(testBoundary, nil)
	edit.Stale = forced
	return edit
}

// Invariant 2: what a client sends under the name of a forced field is crossed out, and
// the form keeps its length; another field arrives unchanged.
func TestInvariant2EditorCrossesOutForcedFields(t *testing.T) {
	checkCrossedOut(t, forcedEdit())
}

func checkCrossedOut(t *testing.T, edit Edit) {
	t.Helper()
	photo := file("file", "a.jpg", "metadata[user]")
	for name := range forcedNames {
		if strings.ContainsAny(name, "\"\x00\r\n;") {
			continue // in doubt, or cut, as a header: see below
		}
		crossed := make([]byte, 0, len(name))
		for _, c := range []byte(name) {
			if c != '\\' {
				c = 'x'
			}
			crossed = append(crossed, c)
		}
		in, want := body(field(name, "forged"), photo), signed(field(string(crossed), "xxxxxx"), photo)
		for slicing, source := range slicings(in) {
			if got, err := readEdited(source, edit); err != nil || got != want {
				t.Errorf("%q, %s: error %v\ngot  %q\nwant %q", name, slicing, err, got, want)
			}
		}
	}
	for _, name := range nearNames {
		in, want := body(field(name, "honest"), photo), signed(field(name, "honest"), photo)
		if got, err := readEdited(strings.NewReader(in), edit); err != nil || got != want {
			t.Errorf("%q: error %v\ngot  %q", name, err, got)
		}
	}
}

func TestInvariant2EditorCrossesOutForcedFieldsHoweverTheyAreWritten(t *testing.T) {
	x := strings.Repeat("x", len("metadata[user]"))
	for in, want := range map[string]string{
		`form-data; name=metadata[user]`:                                                                `form-data; name=` + x,
		`form-data;NAME="metadata[user]"`:                                                               `form-data;NAME="` + x + `"`,
		`form-data; name = "metadata[user]" ; x=y`:                                                      `form-data; name = "` + x + `" ; x=y`,
		`attachment; size=3; name="metadata[user]"`:                                                     `attachment; size=3; name="` + x + `"`,
		"form-data;\r\n name=\"metadata[user]\"":                                                        "form-data;\r\n name=\"" + x + `"`,
		`form-data; name="metadata[user];x"`:                                                            `form-data; name="` + x + `xx"`,
		"form-data; name=\"metadata[user\x00]\"":                                                        "form-data; name=\"" + x + `x"`,
		`form-data; name="metadata[user]"; name="a"`:                                                    `form-data; name="` + x + `"; name="a"`,
		"form-data; name=\"metadata[\r\n user]\"":                                                       "form-data; name=\"" + x + `xxx"`,
		`form-data; name="metadata[user]"; filename=""`:                                                 `form-data; name="` + x + `"; filename=""`,
		`form-data; name="metadata[user]` + "\r\nContent-Type: text/plain":                              `form-data; name="` + x + "\r\nContent-Type: text/plain",
		"form-data; name=\"metadata[user]\"\r\nContent-Disposition: form-data; name=\"metadata[user]\"": "form-data; name=\"" + x + "\"\r\nContent-Disposition: form-data; name=\"" + x + `"`,
		"form-data; name=\"metadata[user]\"\r\nContent-Transfer-Encoding: base64":                       "form-data; name=\"" + x + "\"\r\n" + strings.Repeat("x", 25) + ": base64",
	} {
		got, err := readEdited(strings.NewReader(disposition(in)), forcedEdit())
		if want := signed("Content-Disposition: " + want + "\r\n\r\nxxx"); err != nil || got != want {
			t.Errorf("%q: error %v\ngot  %q\nwant %q", in, err, got, want)
		}
	}
}

// Invariant 2: where the name of a forced field is in doubt, the form is refused.
func TestInvariant2EditorRefusesWhatMayHideAForcedField(t *testing.T) {
	for name, in := range map[string]string{
		"an extended name":              disposition("form-data; name*=utf-8''metadata[user]"),
		"a blank within an escape":      disposition("form-data; name*=utf-8''metadata%\t5Buser%5D"),
		"two blanks within escapes":     disposition("form-data; name*=utf-8''m% 65tadata%5 Buser%5D"),
		"an encoded one":                disposition("form-data; name*=utf-8''metadata%5Buser%5D"),
		"one beside another":            disposition("form-data; name=a; name*=utf-8''metadata%5buser%5d"),
		"a continued name":              disposition("form-data; name*0=metadata; name*1=[user]"),
		"a continued, encoded one":      disposition("form-data; name=x; name*0*=utf-8''metadata%5B; name*1*=us; name*2=er"),
		"two names":                     disposition(`form-data; name="a"; name="metadata[user]"`),
		"a key that ends so":            disposition(`form-data; x-name="metadata[user]"; name="a"`),
		"a quote within":                disposition(`form-data; name="metadata["user"]"`),
		"an escaped quote":              disposition(`form-data; name="metadata[\"user\"]"`),
		"over two lines":                disposition("form-data; name=\"meta\r\n data[user]\""),
		"a name within a file name":     disposition(`form-data; name="y"; filename="; name=metadata[user]"`),
		"a file without a type":         disposition(`form-data; name="metadata[user]"; filename="x"`),
		"two dispositions":              disposition("form-data; name=a\r\nContent-Disposition: form-data; name=metadata[user]"),
		"with a dot":                    disposition(`form-data; name="a"; name="metadata.user.x"`),
		"bare LF":                       body("X: y\nContent-Disposition: form-data; name=metadata[user]\r\n\r\nabc"),
		"only a Content-ID":             body("Content-ID: <metadata[user]>\r\n\r\nabc"),
		"without a header":              body("\r\n" + field("metadata[user]", "forged")),
		"in a form within a part":       body("Content-Disposition: form-data; name=b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + field("metadata[user]", "forged") + "\r\n--c--"),
		"in parameters within a part":   body("Content-Disposition: form-data; name=b\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=b&metadata%5Buser%5D=forged"),
		"the store, by its other name":  disposition("form-data; name*=utf-8''%73tore"),
		"the store in a continued name": disposition("form-data; name*0=UPLOADCARE; name*1=_STORE"),
	} {
		if got, err := readEdited(strings.NewReader(in), forcedEdit()); !errors.Is(err, ErrMalformedHeader) || strings.Contains(got, "--\r\n") {
			t.Errorf("%s: error %v, %q left", name, err, got)
		}
	}
	for name, in := range map[string]string{
		"behind a delimiter with LF": body(file("file", "a", "abc\n"+dash+"\n"+field("metadata[user]", "forged"))),
		"before the first part":      field("metadata[user]", "forged") + "\r\n" + body(file("file", "a", "b")),
		"after the last part":        body(file("file", "a", "b")) + field("metadata[user]", "forged"),
	} {
		if _, err := readEdited(strings.NewReader(in), forcedEdit()); !errors.Is(err, ErrAmbiguousDelimiter) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Doubtful syntax around a near-name is no reason to refuse a form.
func TestEditorTakesDoubtfulNearNames(t *testing.T) {
	for _, value := range []string{
		"form-data; name=a; name*=utf-8''metadata%5Busers%5D", `form-data; name="a"; name="metadata[use]"`, "form-data; name=a; name*=utf-8''xmetadata[user]", `form-data; name="metadata[users]"; filename="x"`,
		`form-data; name="a"; name="metadata"`, "form-data; name=stores; name=b",
	} {
		in := disposition(value)
		if got, err := readEdited(strings.NewReader(in), forcedEdit()); err != nil || len(got) != len(in)+forcedEdit().FreshLength || !strings.Contains(got, value) {
			t.Errorf("%q: error %v\ngot %q", value, err, got)
		}
	}
}

// Invariant 2, in queries and urlencoded bodies.
func TestInvariant2StripQueryTakesOutForcedFields(t *testing.T) {
	encode := strings.NewReplacer("&", "%26", "=", "%3D", ";", "%3B", "\r", "%0d", "\n", "%0A", "\t", "%09", "\x00", "%00", " ", "+")
	for name := range forcedNames {
		if strings.Contains(name, "=?") {
			continue // no server decodes these in a query
		}
		if query := "a=1&" + encode.Replace(name) + "=forged&b"; StripQuery(query, forced) != "a=1&b" {
			t.Errorf("%q: %q is left", query, StripQuery(query, forced))
		}
		if !HidesParameter("a=1;"+encode.Replace(name)+"=forged", forced) {
			t.Errorf("%q is not found behind a semicolon", name)
		}
	}
	for _, name := range nearNames {
		query := encode.Replace(name) + "=1&a=1;" + encode.Replace(name) + "=2"
		if StripQuery(query, forced) != query || HidesParameter(query, forced) {
			t.Errorf("%q is taken for a forced field", query)
		}
	}
}

func TestWatchQueryTellsWhichField(t *testing.T) {
	var got []string
	names := NewNames("size", "content_type", "metadata[user]")
	err := WatchQuery("size=1&a=2&Content.Type=image%2Fpng&metadata%5Buser%5D=x&metadata[users]=y;size[]=3", names, func(name, value string) error {
		got = append(got, name+"="+value)
		return nil
	})
	if want := []string{"size=1", "content_type=image/png", "metadata[user]=x", "size=3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// What is contested is crossed out if it turns out to be stale, and arrives otherwise.
func TestEditorAsksAboutContestedFields(t *testing.T) {
	edit := testEdit(testBoundary, nil)
	edit.Contested, edit.IsStale = forced, func(string) (bool, error) { return true, nil }
	edit.Removed = func(name, _ string) { t.Errorf("%q is shown as if it had been stale", name) }
	checkCrossedOut(t, edit)
	edit.Removed = nil

	var asked []string
	edit.IsStale = func(name string) (bool, error) { asked = append(asked, name); return name == "store", nil }
	user, photo := field("metadata.user", "honest"), file("store", "a.jpg", "content")
	in, want := body(user, field("Store", "1"), photo, field("metadata", "")), signed(user, field("xxxxx", "x"), photo, field("metadata", ""))
	if got, err := readEdited(strings.NewReader(in), edit); err != nil || got != want || !slices.Equal(asked, []string{"metadata[user]", "store"}) {
		t.Errorf("error %v, asked for %q\n got %q\nwant %q", err, asked, got, want)
	}

	edit.IsStale = func(string) (bool, error) { return false, errObserver }
	if got, err := readEdited(strings.NewReader(in), edit); !errors.Is(err, errObserver) || strings.Contains(got, "honest") {
		t.Errorf("error %v, %q left", err, got)
	}
	edit.Contested, edit.IsStale = testStale, func(string) (bool, error) { return false, nil }
	if got, err := readEdited(strings.NewReader(body(field("signature", "old"))), edit); err != nil || strings.Contains(got, "old") {
		t.Errorf("what is stale anyway: error %v\ngot %q", err, got)
	}
	edit.Contested, edit.IsStale = forced, func(string) (bool, error) { return true, nil }
	for _, in := range []string{disposition("form-data; name=a; name=store"), body("X\x01: y\r\n" + photo)} {
		if _, err := readEdited(strings.NewReader(in), edit); !errors.Is(err, ErrMalformedHeader) {
			t.Errorf("%q, in doubt: error %v", in, err)
		}
	}
}

func TestEditorTellsWhichFieldItWatches(t *testing.T) {
	var got []string
	edit := testEdit(testBoundary, nil)
	edit.Watched, edit.MaxValueSize = NewNames("size", "filename", "metadata[user]"), 1000
	edit.Watch = func(name, value string) error { got = append(got, name+"="+value); return nil }
	long := strings.Repeat("й", 500)
	in := body(field("SIZE", "1"), field("metadata[user][]", long), field("other", "3"), field("filename", "4"))
	if _, err := readEdited(strings.NewReader(in), edit); err != nil || !slices.Equal(got, []string{"size=1", "metadata[user]=" + long, "filename=4"}) {
		t.Errorf("error %v, got %q", err, got)
	}
	if _, err := readEdited(strings.NewReader(body(field("size", long+"1"))), edit); !errors.Is(err, ErrValueTooLong) {
		t.Errorf("a longer value: error %v", err)
	}
}
