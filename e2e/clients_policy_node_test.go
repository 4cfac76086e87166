// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// policyTask is a task of upload-client that a policy refuses, and the error of that.
type policyTask struct {
	name, endpoint string
	base           string
	task           nodeTask
	options        []string
	want           policyRefusal
}

func (s *policySites) refusedTasks(t *testing.T) []policyTask {
	t.Helper()
	asPicture := []string{"fileName", "sunset.png", "contentType", "image/png"}
	asText := []string{"fileName", "notes.txt", "contentType", "text/plain"}
	inParts := nodeTask{Task: "file", Files: []string{pictureOf(t, 26*mebibyte).path}} // above the threshold of every version
	upload := func(sent sentFile) nodeTask { return nodeTask{Task: "file", Files: []string{sent.path}} }
	return []policyTask{
		{"a large file", "/base/", s.gateway, upload(s.large), asPicture, tooLarge},
		{"a large file, in parts", "/multipart/start/", s.gateway, inParts, asPicture, partsTooLarge},
		{"a text", "/base/", s.gateway, upload(s.text), asText, wrongType},
		{"a text that is called a picture", "/base/", s.gateway, upload(s.text), asPicture, wrongType},
		{"a text, in parts", "/multipart/start/", s.wide, inParts, asText, wrongType},
		{"another host", "/from_url/", s.gateway, nodeTask{Task: "url", URL: s.otherSource}, nil, wrongSource},
		{"a URL", "/from_url/", s.direct, nodeTask{Task: "url", URL: s.source}, nil, wrongKind},
		{"a group", "/group/", s.gateway, nodeTask{Task: "group"}, nil, wrongKind},
	}
}

// Invariant 11, as upload-client shows it: as its own error, with code and message.
func TestInvariant11UploadClientHasTheRefusalsOfAPolicy(t *testing.T) {
	client, s := newNodeClient(t), startPolicySites(t)
	tests := s.refusedTasks(t)
	tasks := make([]nodeTask, len(tests))
	for i, test := range tests {
		tasks[i] = test.task
		tasks[i].Options = nodeOptions(test.base, test.options...)
	}
	results := client.doAll(t, "@uploadcare/upload-client", tasks...)
	for i, test := range tests {
		t.Run(test.endpoint+" "+test.name, func(t *testing.T) {
			tried(t, uploadClient, "policy: "+test.name+", "+test.endpoint, "base URL")
			want := nodeError{true, "UploadError", test.want.code, test.want.message}
			if got := results[i].Error; got == nil || *got != want {
				t.Errorf("got %+v, want %+v", results[i], want)
			}
		})
	}
	for _, npmPackage := range client.oldVersions(t) {
		version := versionIn(t, filepath.Join(client.directory, "node_modules", npmPackage))
		t.Run(version, func(t *testing.T) {
			tried(t, "@uploadcare/upload-client "+version+", Node", "policy: all refusals", "base URL")
			for i, result := range client.doAll(t, npmPackage, tasks...) {
				// Versions before 2 have no codes.
				if test := tests[i]; result.Error == nil || !strings.Contains(result.Error.Message, test.want.message) {
					t.Errorf("%s %s: got %+v, %+v, want %q", test.endpoint, test.name, result, result.Error, test.want.message)
				}
			}
		})
	}
	s.wantNothingStored(t)
}

// What is allowed is stored with what the operator says of it, in each way that the client has.
func TestUploadClientUploadsWithThePolicysFields(t *testing.T) {
	client, s := newNodeClient(t), startPolicySites(t)
	inParts := pictureOf(t, multipartMinimum)
	for _, test := range []struct {
		name, endpoint string
		task           nodeTask
		options        []string
		sent           sentFile
	}{
		{"direct", "/base/", nodeTask{Task: "file", Files: []string{s.picture.path}}, []string{"fileName", "sunset.png", "contentType", "image/png"}, s.picture},
		{"undeclared", "/base/", nodeTask{Task: "file", Files: []string{s.picture.path}}, nil, s.picture},
		{"in parts", "/multipart/start/", nodeTask{Task: "file", Files: []string{inParts.path}}, []string{"fileName", "sunset.png", "contentType", "image/png", "multipartMinFileSize", "1"}, inParts},
		{"from URL", "/from_url/", nodeTask{Task: "url", URL: s.source}, nil, s.picture},
	} {
		t.Run(test.name, func(t *testing.T) {
			tried(t, uploadClient, "policy: allowed, "+test.name+", "+test.endpoint, "base URL")
			task := test.task
			task.Options = nodeOptions(s.wide, test.options...)
			task.Options["metadata"] = map[string]string{"user": clientsUser, "pet": "cat"}
			result := client.doAll(t, "@uploadcare/upload-client", task)[0]
			if result.Error != nil {
				t.Fatalf("%+v", *result.Error)
			}
			s.checkStored(t, result.UUID, test.sent)
			wantOperators(t, s.sandbox, result.UUID, map[string]string{"pet": "cat"})
		})
	}
}
