// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import "testing"

func TestBrowserMakesGroups(t *testing.T) {
	site := startBuiltIn(t)
	for _, tc := range []struct{ client, name string }{
		{"widget with many", "uploadcare-widget 3.24.0"},
		{"uploader", "@uploadcare/file-uploader 1.33.2"},
	} {
		t.Run(tc.client, func(t *testing.T) {
			tried(t, tc.name+", Chromium", "/group/", "DNS")
			files := []string{picture(t, "first.png", 0), picture(t, "second.png", 40)}
			visit := site.visit(t, publicKey+"&groups", with(tc.client, files...), site.trust(t))
			if failure := visit.Outcomes[0].Failure; failure != "" {
				t.Fatalf("the page says %q", failure)
			}
			var group struct {
				Files []struct{ UUID string }
			}
			_, response := get(t, site.sandbox+"/group/info/?pub_key="+publicKey+"&group_id="+visit.Outcomes[0].UUID)
			parse(t, string(response), &group)
			if len(group.Files) != len(files) {
				t.Fatalf("the group is %s", response)
			}
			for i, file := range files {
				wantStored(t, site.sandbox, group.Files[i].UUID, file)
			}
			visit.wantUploadTo(t, "https://"+uploadHost+"/group/")
			visit.wantUnsigned(t)
		})
	}
}
