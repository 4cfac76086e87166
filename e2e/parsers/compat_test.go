// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// compat is where requests of real clients are, beside the repository: accept/
// must arrive, refuse/ must not, and of credential/ no credential may be seen.
var compat = cmp.Or(os.Getenv("COMPAT"), "../../../shared/compat")

// requestsOf returns the requests of a folder.
func requestsOf(t *testing.T, kind string, want expectation) []named {
	t.Helper()
	if _, err := os.Stat(compat); err != nil {
		t.Fatalf("the requests of real clients, which COMPAT names, are missing: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(compat, kind, "*.http"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no requests in %s: %v", kind, err)
	}
	var forms []named
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		client, err := parseRequest(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		forms = append(forms, named{kind + "/" + filepath.Base(name), want, client})
	}
	return forms
}

func TestRequestsOfRealClients(t *testing.T) {
	forms := slices.Concat(requestsOf(t, "accept", arrives), requestsOf(t, "refuse", refused), requestsOf(t, "credential", unseen))
	theSuite(t).checkNamed(t, newEditor(t), forms, rand.New(rand.NewPCG(1, 1)))
}

// The suite is good for nothing if its parsers do not see what others have seen.
// The two exceptions were seen by parsers that neither Debian nor npm has.
func TestParsersSeeHiddenCredentials(t *testing.T) {
	s, seen := theSuite(t), 0
	forms := requestsOf(t, "credential", unseen)
	messages := make([]message, len(forms))
	for i := range forms {
		messages[i] = forms[i].client.message()
	}
	for i, originals := range s.read(t, messages) {
		if s.someoneSees(originals) {
			seen++
			// Passed on as it is, it fails.
			asItIs := edited{left: forms[i].client, fresh: [2]string{"signature", "expire"}}
			if len(s.judge(&checked{client: forms[i].client, outcome: asItIs, originals: originals, editeds: originals})) == 0 {
				t.Errorf("%s: a credential is seen, and it does not fail", forms[i].name)
			}
		} else {
			t.Logf("%s: no parser sees the credential", forms[i].name)
		}
	}
	if seen < len(forms)-2 {
		t.Errorf("of %d hidden credentials %d are seen", len(forms), seen)
	}
}
