// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// twoFiles uploads two files and returns their uuids.
func (f *fixture) twoFiles(t *testing.T) (first, second string) {
	t.Helper()
	ids := f.accepted(t, file("a", "a.txt", "a"), file("b", "b.txt", "bb"))
	return ids["a"], ids["b"]
}

func TestAGroup(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.PublicURL = "http://sandbox.example/" })
	first, second := f.twoFiles(t)
	made := f.post(t, "/group/", signedParams("pub_key", "files[]", second, "files[]", "https://ucarecdn.com/"+first+"/-/resize/x800/-/flip/"))
	info := decode[groupInfo](t, made)
	id := info.ID
	if !strings.HasSuffix(id, "~2") || !isGroupID(id) || info.FilesCount != 2 || len(info.Files) != 2 || info.DatetimeStored != nil ||
		info.DatetimeCreated != "2027-01-15T08:00:00.999999Z" || info.CDNURL != "http://sandbox.example/"+id+"/" {
		t.Errorf("group = %+v", info)
	}
	if a, b := info.Files[0], info.Files[1]; a.UUID != second || a.Size != 2 || a.DefaultEffects != "" || b.UUID != first || b.DefaultEffects != "resize/x800/-/flip/" {
		t.Errorf("files = %+v, %+v", a, b)
	}
	asked := "/group/info/?pub_key=" + testPublicKey + "&group_id=" + url.QueryEscape(id)
	if again := f.get(t, asked); again.Code != 200 || again.Body.String() != made.Body.String() {
		t.Errorf("group info = %d %s, want %s", again.Code, again.Body, made.Body)
	}
	if err := os.RemoveAll(filepath.Join(f.root, first)); err != nil {
		t.Fatal(err)
	}
	if info := decode[groupInfo](t, f.get(t, asked)); info.Files[0] == nil || info.Files[1] != nil {
		t.Errorf("with a file gone: %+v", info.Files)
	}
}

func TestEncodingsOfGroup(t *testing.T) {
	f := newFixture(t)
	first, second := f.twoFiles(t)
	for name, request := range encodings {
		t.Run(name, func(t *testing.T) {
			for _, values := range []url.Values{
				signedParams("pub_key", "files[]", first, "files[]", second),
				signedParams("pub_key", "files[10]", second, "files[9]", first),
				signedParams("pub_key", "files[0]", first, "files[1]", "http://x/"+second+"/photo.jpg"),
				signedParams("pub_key", "files[0]", first+"/", "files[1]", "//cdn.example/"+second+"/-/preview/"),
			} {
				for _, target := range []string{"/group/", "/group", "/group//"} {
					r := request("/", values)
					r.URL.Path = target
					if info := decode[groupInfo](t, f.do(t, r)); len(info.Files) != 2 || info.Files[0].UUID != first || info.Files[1].UUID != second {
						t.Errorf("%v: %+v", values, info)
					}
				}
			}
		})
	}
}

// The service lists GET and HEAD among the group's methods, which is what JSONP
// needs. They make a group and need a credential, as POST does.
func TestAGroupIsMadeByAQuery(t *testing.T) {
	f := newFixture(t)
	first, second := f.twoFiles(t)
	values := signedParams("pub_key", "files[]", first, "files[]", second)
	response := f.get(t, "/group/?"+values.Encode())
	if info := decode[groupInfo](t, response); len(info.Files) != 2 || info.Files[1].UUID != second {
		t.Errorf("made %+v", info)
	}
	values.Set("callback", "cb")
	if response = f.get(t, "/group/?"+values.Encode()); !strings.HasPrefix(response.Body.String(), `cb({"id":"`) {
		t.Errorf("response = %d %s", response.Code, response.Body)
	}
	head := f.do(t, httptest.NewRequest(http.MethodHead, "/group/?"+values.Encode(), nil))
	if head.Code != http.StatusOK || head.Header().Get("Content-Length") != response.Header().Get("Content-Length") {
		t.Errorf("HEAD = %d %v", head.Code, head.Header())
	}
	values.Del("signature")
	wantRefusal(t, f.get(t, "/group/?"+values.Encode()), refusal(400, "SignatureRequiredError", "`signature` is required."))
}

func TestGroupsCallBack(t *testing.T) {
	f := newFixture(t)
	first, _ := f.twoFiles(t)
	for callback, want := range map[string]bool{
		"cb": true, "jQuery.cb_1": true, "$": true,
		"": false, "alert(1)//": false, "a.": false, "1a": false, "a b": false, "a\n": false, "<script>": false,
	} {
		response := f.post(t, "/group/", signedParams("pub_key", "files[]", first, "callback", callback))
		body, contentType := response.Body.String(), response.Header().Get("Content-Type")
		if want && (!strings.HasPrefix(body, callback+"({") || !strings.HasSuffix(body, "})") || contentType != "application/javascript; charset=utf-8") {
			t.Errorf("%q: %s %s", callback, contentType, body)
		}
		if !want && (!strings.HasPrefix(body, "{") || contentType != "application/json") {
			t.Errorf("%q: %s %s", callback, contentType, body)
		}
	}
}

func TestRefusalsOfGroup(t *testing.T) {
	f := newFixture(t)
	first, _ := f.twoFiles(t)
	used := f.used(t)
	unsigned := signedParams("pub_key", "files[]", first)
	unsigned.Del("expire")
	invalid := func(entry string) *uploadapi.Error {
		return refusal(400, "GroupFileURLParsingFailedError", "This is not valid file url: "+entry+".")
	}
	none := refusal(400, "GroupFilesInvalidError", "No files[N] parameters found.")
	for _, tc := range []struct {
		name   string
		values url.Values
		want   *uploadapi.Error
	}{
		{"no public key", pairs("files[]", first), refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required.")},
		{"an unknown public key", pairs("files[]", first, "pub_key", "x"), refusal(403, "ProjectPublicKeyInvalidError", "pub_key is invalid.")},
		{"no expire", unsigned, refusal(400, "SignatureExpirationRequiredError", "`expire` is required.")},
		{"two signatures", signedParams("pub_key", "files[]", first, "UPLOADCARE_EXPIRE", ""), refusal(400, "SandboxStaleCredentialError", "`UPLOADCARE_EXPIRE` has no place on /group/.")},
		{"no files", signedParams("pub_key"), none},
		{"files under other names", signedParams("pub_key", "files", first, "files[x]", first, "files[0", first), none},
		{"no uuid", signedParams("pub_key", "files[]", "x"), invalid("x")},
		{"nothing", signedParams("pub_key", "files[]", ""), invalid("")},
		{"a path", signedParams("pub_key", "files[]", "../"+first), invalid("../" + first)},
		{"a host alone", signedParams("pub_key", "files[]", "https://ucarecdn.com"), invalid("https://ucarecdn.com")},
		{"a file that is not there", signedParams("pub_key", "files[0]", first, "files[1]", unknownID), refusal(400, "GroupFilesNotFoundError", "Some files not found.")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantRefusal(t, f.post(t, "/group/", tc.values), tc.want)
			wantEnvelope(t, f.post(t, "/group/?jsonerrors=1", tc.values), tc.want)
		})
	}
	if got := f.used(t); got != used {
		t.Errorf("%d bytes are counted, want %d", got, used)
	}
}

func TestRefusalsOfGroupInfo(t *testing.T) {
	f := newFixture(t)
	invalid := refusal(404, "GroupNotFoundError", "group_id is invalid.")
	key := "pub_key=" + testPublicKey
	for query, want := range map[string]*uploadapi.Error{
		"":                                       refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required."),
		"pub_key=x&group_id=x":                   refusal(403, "ProjectPublicKeyInvalidError", "pub_key is invalid."),
		key:                                      refusal(400, "GroupIdRequiredError", "group_id is required."),
		key + "&group_id=x":                      invalid,
		key + "&group_id=" + unknownID:           invalid,
		key + "&group_id=" + unknownID + "~1":    invalid,
		key + "&group_id=" + unknownID + "~1/..": invalid,
		key + "&group_id=" + unknownID + "~%2B1": invalid,
		key + "&group_id=%00":                    refusal(400, "NullCharactersForbiddenError", "Null characters are not allowed."),
	} {
		wantRefusal(t, f.get(t, "/group/info/?"+query), want)
		wantEnvelope(t, f.get(t, "/group/info/?jsonerrors=1&"+query), want)
	}
}

func TestGroupsOutliveARestartAndCount(t *testing.T) {
	root := t.TempDir()
	first := newFixture(t, func(h *Handler) { h.Root = root })
	a, _ := first.twoFiles(t)
	id := decode[groupInfo](t, first.post(t, "/group/", signedParams("pub_key", "files[]", a))).ID
	used := first.used(t)
	if used <= 3 {
		t.Errorf("%d bytes are counted: the group is not", used)
	}
	if err := first.Cleanup(); err != nil {
		t.Fatal(err)
	}
	second := newFixture(t, func(h *Handler) { h.Root, h.StorageLimit = root, used+5 })
	if info := decode[groupInfo](t, second.get(t, "/group/info/?pub_key="+testPublicKey+"&group_id="+id)); info.ID != id || info.Files[0].UUID != a {
		t.Errorf("group = %+v", info)
	}
	wantRefusal(t, second.post(t, "/group/", signedParams("pub_key", "files[]", a)), errAccountLimits)
	second.accepted(t, aFile)
	if got := second.used(t); got != used+5 {
		t.Errorf("%d bytes are counted, want %d", got, used+5)
	}
}

func TestAGroupThatCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	a, _ := f.twoFiles(t)
	of := &group{ID: unknownID + "~1", Members: []groupMember{{UUID: a}}}
	if err := os.Mkdir(filepath.Join(f.root, groupName(of.ID)), 0o700); err != nil {
		t.Fatal(err)
	}
	used := f.used(t)
	if err := f.store(t).addGroup(of, 1<<20); err == nil {
		t.Error("the group was written")
	}
	if got := f.used(t); got != used {
		t.Errorf("%d bytes are counted, want %d", got, used)
	}
	for _, name := range filesBelow(t, f.root) {
		if strings.HasPrefix(name, partialPrefix) {
			t.Errorf("%q is left", name)
		}
	}
}

func TestADamagedGroup(t *testing.T) {
	f := newFixture(t)
	id := unknownID + "~1"
	if err := os.WriteFile(filepath.Join(f.root, groupName(id)), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, f.get(t, "/group/info/?pub_key="+testPublicKey+"&group_id="+id), uploadapi.ErrInternal)
}
