// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// requestOf returns an upload as the upstream gets it, with a body of its own.
func requestOf(u *upload, m *message, body []byte) *http.Request {
	r := httptest.NewRequest(u.method, "http://upload.test"+m.target, bytes.NewReader(body))
	if m.mediaType != "" {
		r.Header.Set("Content-Type", m.mediaType)
	}
	return r
}

// uploadsOf returns the first uploads of a storm whose forms are whole.
func uploadsOf(seed uint64, count int) (all []upload) {
	for id := 0; len(all) < count; id++ {
		if u := uploadOf(seed, id, 3); u.flaw != unclosed && u.size <= middleSize {
			all = append(all, u)
		}
	}
	return all
}

func TestAnUploadThatArrivesAsItWasSentHasItsDigest(t *testing.T) {
	t.Parallel()
	for _, u := range uploadsOf(5, 1000) {
		m := u.message()
		a, err := receive(requestOf(&u, &m, m.body))
		if err != nil {
			t.Fatalf("%+v: %v", u, err)
		}
		if a.id != u.id || a.project != u.project || a.digest != m.digest {
			t.Errorf("%+v arrived as %d of %s, with the digest %x and not %x", u, a.id, a.project, a.digest, m.digest)
		}
		own := map[credential]int{noCredential: 0, twoCredentials: 2}
		want, ok := own[u.credential]
		if !ok {
			want = 1
		}
		if len(a.signatures) != want || len(a.expires) != want {
			t.Errorf("%+v arrived with %d credentials, want %d", u, len(a.signatures), want)
		}
	}
}

// A gateway overwrites what the client sent as a credential, and adds its own at the end.
func TestACredentialDoesNotChangeTheDigest(t *testing.T) {
	t.Parallel()
	u := upload{id: 7, method: http.MethodPost, endpoint: endpointBase, project: minted, credential: staleCredential, size: 100}
	m := u.message()
	form := string(m.body)
	form = strings.ReplaceAll(form, `name="signature"`, `name="xxxxxxxxx"`)
	form = strings.ReplaceAll(form, `name="expire"`, `name="xxxxxx"`)
	form = strings.TrimSuffix(form, "--"+boundary+"--\r\n") + "--" + boundary + "\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\nfresh\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"expire\"\r\n\r\n4102444800\r\n--" + boundary + "--\r\n"
	a, err := receive(requestOf(&u, &m, []byte(form)))
	if err != nil || a.digest != m.digest || !slices.Equal(a.signatures, []string{"fresh"}) {
		t.Errorf("%v: arrived with the digest %x and not %x, signed by %q", err, a.digest, m.digest, a.signatures)
	}
}

func TestEachChangeOfAnUploadChangesItsDigest(t *testing.T) {
	t.Parallel()
	u := upload{id: 7, method: http.MethodPost, endpoint: endpointBase, project: minted, size: 100}
	m := u.message()
	for name, change := range map[string]func(string) string{
		"the last byte of the file": func(form string) string {
			end := strings.LastIndex(form, "\r\n--"+boundary+"--")
			return form[:end-1] + string(form[end-1]^1) + form[end:]
		},
		"a file that is cut":   func(form string) string { return strings.Replace(form, jpeg, jpeg[1:], 1) },
		"the name of the file": func(form string) string { return strings.Replace(form, "7.jpg", "8.jpg", 1) },
		"the type of the file": func(form string) string { return strings.Replace(form, "image/jpeg", "image/jpg", 1) },
		"a value":              func(form string) string { return strings.Replace(form, "auto", "1", 1) },
		"a name":               func(form string) string { return strings.Replace(form, "_STORE", "_STORED", 1) },
		"a field that is missing": func(form string) string {
			begin := strings.Index(form, "--"+boundary+"\r\nContent-Disposition: form-data; name=\"UPLOADCARE_STORE\"")
			end := strings.Index(form[begin+1:], "--"+boundary) + begin + 1
			return form[:begin] + form[end:]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := change(string(m.body))
			if changed == string(m.body) {
				t.Fatal("nothing was changed")
			}
			a, err := receive(requestOf(&u, &m, []byte(changed)))
			if err != nil || a.digest == m.digest {
				t.Errorf("%v: it arrived with the same digest", err)
			}
		})
	}
}

func TestWhatIsNotWholeIsNotReceived(t *testing.T) {
	t.Parallel()
	u := upload{id: 7, method: http.MethodPost, endpoint: endpointBase, project: minted, size: 100}
	m := u.message()
	closing := len("--" + boundary + "--\r\n")
	for name, length := range map[string]int{
		"half":                       len(m.body) / 2,
		"all but the last delimiter": len(m.body) - closing,
		"all but the end of it":      len(m.body) - 4,
		"nothing":                    0,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a, err := receive(requestOf(&u, &m, m.body[:length])); err == nil {
				t.Errorf("received %+v", a)
			}
		})
	}
	t.Run("a body that breaks off behind the form", func(t *testing.T) {
		t.Parallel()
		r := requestOf(&u, &m, nil)
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(m.body), brokenReader{}))
		if a, err := receive(r); err == nil {
			t.Errorf("received %+v", a)
		}
	})
}

// brokenReader is a connection that is lost.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
