// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const uploadClient = "@uploadcare/upload-client, Node"

// nodeClient is a directory with @uploadcare/upload-client installed.
type nodeClient struct{ directory string }

func newNodeClient(t *testing.T) nodeClient {
	t.Helper()
	need(t, "nodejs (20 or newer)", "node", "-e", "process.exit(process.versions.node.split('.')[0] >= 20 ? 0 : 1)")
	need(t, "npm", "npm", "--version")
	directory := t.TempDir()
	if err := os.CopyFS(directory, os.DirFS("clients/node")); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "npm", "ci", "--prefix", directory, "--loglevel=error")
	return nodeClient{directory}
}

// nodeTask is what the client is to do.
type nodeTask struct {
	Task    string         `json:"task"`
	Files   []string       `json:"files,omitempty"`
	URL     string         `json:"url,omitempty"`
	Options map[string]any `json:"options"`
}

// nodeResult is the result of a nodeTask.
type nodeResult struct {
	UUID  string
	Files []string
	Error *nodeError
}

// nodeError is an error as the client library has it.
type nodeError struct {
	IsUploadError       bool
	Name, Code, Message string
}

// do runs a task against the gateway at baseURL, with further options in pairs
// of name and value.
func (c nodeClient) do(t *testing.T, baseURL string, task nodeTask, options ...string) nodeResult {
	t.Helper()
	task.Options = nodeOptions(baseURL, options...)
	return c.doAll(t, "@uploadcare/upload-client", task)[0]
}

// doAll runs tasks, one after the other, with one of the packages that
// clients/node/package.json names.
func (c nodeClient) doAll(t *testing.T, npmPackage string, tasks ...nodeTask) []nodeResult {
	t.Helper()
	argument, err := json.Marshal(map[string]any{"package": npmPackage, "tasks": tasks})
	if err != nil {
		t.Fatal(err)
	}
	var results []nodeResult
	parse(t, run(t, nil, "node", filepath.Join(c.directory, "upload.mjs"), string(argument)), &results)
	if len(results) != len(tasks) {
		t.Fatalf("%d results of %d tasks", len(results), len(tasks))
	}
	return results
}

// nodeOptions are those of every upload, and further ones in pairs of name and
// value.
func nodeOptions(baseURL string, further ...string) map[string]any {
	options := map[string]any{"publicKey": publicKey, "baseURL": baseURL, "store": false}
	for i := 0; i < len(further); i += 2 {
		options[further[i]] = further[i+1]
	}
	return options
}

func TestUploadClientUploads(t *testing.T) {
	client, s := newNodeClient(t), startSite(t, "")
	small, other, large := newFile(t, mebibyte), newFile(t, 1000), newFile(t, 26*mebibyte)
	source := s.sandbox + "/" + s.upload(t, small) + "/?signature=of-the-source"
	for _, test := range []struct {
		name, endpoints string
		task            nodeTask
		sent            []sentFile
	}{
		{"uploadFile, direct", "POST /base/, multipart", nodeTask{Task: "file", Files: []string{small.path}}, []sentFile{small}},
		{"uploadFile, in parts", "POST /multipart/start/, multipart", nodeTask{Task: "file", Files: []string{large.path}}, []sentFile{large}},
		{"uploadFile, from URL", "POST /from_url/, query", nodeTask{Task: "url", URL: source}, []sentFile{small}},
		{"uploadFileGroup", "POST /group/, multipart", nodeTask{Task: "group", Files: []string{small.path, other.path}}, []sentFile{small, other}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tried(t, uploadClient, test.endpoints, "base URL")
			if past := client.do(t, s.sandbox, test.task); past.Error == nil || past.Error.Code != "SignatureRequiredError" {
				t.Fatalf("past the gateway: %+v", past.Error)
			}
			for name, pair := range map[string][]string{
				"no pair of its own":       nil,
				"a stale pair":             {"secureSignature", staleSignature, "secureExpire", staleExpire},
				"an empty pair of its own": {"secureSignature", "", "secureExpire", ""},
			} {
				t.Run(name, func(t *testing.T) {
					result := client.do(t, s.gateway, test.task, pair...)
					if result.Error != nil {
						t.Fatalf("%+v", *result.Error)
					}
					uploaded := []string{result.UUID}
					if test.task.Task == "group" {
						s.checkGroup(t, result.UUID, result.Files...)
						uploaded = result.Files
					}
					if len(uploaded) != len(test.sent) {
						t.Fatalf("uploaded %v", uploaded)
					}
					for i, sent := range test.sent {
						s.checkStored(t, uploaded[i], sent)
					}
				})
			}
		})
	}
}

// The client returns the gateway's refusals as errors of its own class, with the code and the
// message of the Upload API or of the gateway.
func TestUploadClientHasTheGatewaysErrors(t *testing.T) {
	client, s, small := newNodeClient(t), startSite(t, ""), newFile(t, mebibyte)
	uploadSmall := nodeTask{Task: "file", Files: []string{small.path}}
	for _, test := range []struct {
		name, endpoint string
		task           nodeTask
		options        []string
		code, message  string
	}{
		{
			"refused project", "/base/", uploadSmall,
			[]string{"publicKey", "another_key"},
			"ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid.",
		},
		{
			"refused project, in parts", "/multipart/start/", uploadSmall,
			[]string{"publicKey", "another_key", "multipartMinFileSize", "1"},
			"ProjectPublicKeyInvalidError", "UPLOADCARE_PUB_KEY is invalid.",
		},
		{
			"refused project, from URL", "/from_url/",
			nodeTask{Task: "url", URL: "http://127.0.0.1:9/file"},
			[]string{"publicKey", "another_key"},
			"ProjectPublicKeyInvalidError", "pub_key is invalid.",
		},
		{
			"refused project, group", "/group/",
			nodeTask{Task: "group"},
			[]string{"publicKey", "another_key"},
			"ProjectPublicKeyInvalidError", "pub_key is invalid.",
		},
		{
			"malformed form", "/base/", uploadSmall,
			[]string{"fileName", strings.Repeat("a", 40_000)},
			"PostRequestParserFailedError", "HTTP POST request parsing failed: part header is too large.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			tried(t, uploadClient, "error: "+test.name+", "+test.endpoint, "base URL")
			want := nodeError{true, "UploadError", test.code, test.message}
			if result := client.do(t, s.gateway, test.task, test.options...); result.Error == nil || *result.Error != want {
				t.Errorf("got %+v, want %+v", result.Error, want)
			}
		})
	}
}

// The same for refusals of the Upload API, also while the body is still being sent.
func TestUploadClientHasTheUpstreamsErrors(t *testing.T) {
	client, large := newNodeClient(t), newFile(t, 24*mebibyte)
	s := startSite(t, "", "request_limit 2MiB")
	tried(t, uploadClient, "error: oversized body, /base/", "base URL")
	want := nodeError{true, "UploadError", "RequestSizeLimitExceededError", "The size of the request is too large."}
	if result := client.do(t, s.gateway, nodeTask{Task: "file", Files: []string{large.path}}); result.Error == nil || *result.Error != want {
		t.Errorf("got %+v, want %+v", result.Error, want)
	}
}
