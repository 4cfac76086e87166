// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// verifier is an Upload API that responds with which of a project's secret keys an
// upload was signed with, and refuses it if it was none.
type verifier struct {
	url     string
	mu      sync.Mutex
	secrets []string
}

func startVerifier(t *testing.T, secrets ...string) *verifier {
	t.Helper()
	v := &verifier{secrets: secrets}
	v.url = startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		signature, expire := r.FormValue("signature"), r.FormValue("expire")
		v.mu.Lock()
		defer v.mu.Unlock()
		i := slices.IndexFunc(v.secrets, func(secret string) bool { return token.Sign(secret, expire) == signature })
		if i < 0 {
			http.Error(w, "Invalid signature.", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, v.secrets[i])
	}).URL
	return v
}

// accept changes the project's secret keys.
func (v *verifier) accept(secrets ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets = secrets
}

// uploaded is what became of one of many uploads.
type uploaded struct {
	worker int
	body   string // the secret that it was signed with, or what went wrong
}

// uploadOnAndOn uploads, several at a time, until the test ends. Each worker
// waits until what became of its upload has been received.
func uploadOnAndOn(t *testing.T, gateway string, workers int) <-chan uploaded {
	t.Helper()
	results, stop := make(chan uploaded), make(chan struct{})
	var working sync.WaitGroup
	for worker := range workers {
		working.Go(func() {
			for {
				result := uploaded{worker: worker}
				request := newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", "meow"))))
				if response, err := http.DefaultClient.Do(request); err != nil {
					result.body = err.Error()
				} else {
					result.body = readAll(t, response)
				}
				select {
				case results <- result:
				case <-stop:
					return
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		working.Wait()
	})
	return results
}

// secretFile is how a secret is handed to a program, and replaced.
type secretFile struct {
	path    string
	replace func(secret string) error
}

// published is a secret as Kubernetes mounts it: a link to a link, which is
// swapped.
func published(t *testing.T, secret string) secretFile {
	t.Helper()
	directory, version := t.TempDir(), 0
	replace := func(secret string) error {
		version++
		data, swapped := fmt.Sprintf("..%d", version), filepath.Join(directory, "..data")
		if err := os.Mkdir(filepath.Join(directory, data), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(directory, data, "secret"), []byte(secret), 0o400); err != nil {
			return err
		}
		before, _ := os.Readlink(swapped)
		if err := os.Symlink(data, swapped+"_tmp"); err != nil {
			return err
		}
		if err := os.Rename(swapped+"_tmp", swapped); err != nil || before == "" {
			return err
		}
		return os.RemoveAll(filepath.Join(directory, before))
	}
	if err := replace(secret); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "secret")
	if err := os.Symlink(filepath.Join("..data", "secret"), path); err != nil {
		t.Fatal(err)
	}
	return secretFile{path, replace}
}

// written is a secret in a plain file. It is written in place, or else renamed
// over.
func written(t *testing.T, secret string, inPlace bool) secretFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	replace := func(secret string) error {
		if inPlace {
			return os.WriteFile(path, []byte(secret+"\n"), 0o600)
		}
		if err := os.WriteFile(path+"_tmp", []byte(secret+"\n"), 0o600); err != nil {
			return err
		}
		return os.Rename(path+"_tmp", path)
	}
	if err := replace(secret); err != nil {
		t.Fatal(err)
	}
	return secretFile{path, replace}
}

func gatewayWithFile(gateway, upstream, path string) string {
	return strings.Replace(gatewayTo(gateway, upstream, ""), "{env.CANARY_SECRET}", "{file."+path+"}", 1)
}

// A secret key is rotated as the service wants it: the new one is added to the
// project, then given to the gateway, then the old one is taken from the
// project. No upload fails, and nothing is reloaded.
func TestASecretInAFileIsRotatedWhileUploadsRun(t *testing.T) {
	for name, file := range map[string]secretFile{
		"as Kubernetes does":  published(t, "the first"),
		"by renaming":         written(t, "the first", false),
		"by writing in place": written(t, "the first", true),
	} {
		t.Run(name, func(t *testing.T) {
			const workers = 4
			upstream, gateway := startVerifier(t, "the first"), freeAddress(t)
			c := startCaddy(t, gatewayWithFile(gateway, upstream.url, file.path))
			results := uploadOnAndOn(t, gateway, workers)
			// next returns the next upload, which must have been signed with
			// one of these.
			next := func(secrets ...string) uploaded {
				t.Helper()
				result := receive(t, "an upload ends", results)
				if !slices.Contains(secrets, result.body) {
					t.Fatalf("an upload got the response %q, want %q", result.body, secrets)
				}
				return result
			}
			for range 10 * workers {
				next("the first")
			}
			upstream.accept("the first", "the second")
			if err := file.replace("the second"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the new secret signs", func() bool { return next("the first", "the second").body == "the second" })
			// A worker's first result may be of an upload that began before that.
			var seen [workers]int
			for slices.Min(seen[:]) < 2 {
				result := next("the first", "the second")
				if seen[result.worker]++; seen[result.worker] > 1 && result.body != "the second" {
					t.Fatal("an upload that began later was signed with the old secret")
				}
			}
			upstream.accept("the second")
			for range 10 * workers {
				next("the second")
			}
			if output := c.output.String(); strings.Count(output, "a file has changed") != 1 || strings.Contains(output, "the second") {
				t.Error("the log does not report the change once, or shows the secret")
			}
		})
	}
}

// A file that is gone is logged once, by the gateway and by Caddy at most, and uploads
// go on with what it held.
func TestAFileThatIsGoneIsLoggedOnce(t *testing.T) {
	upstream, gone, changing := startVerifier(t, "the first", "the second", "the third"), freeAddress(t), freeAddress(t)
	goneFile, changingFile := written(t, "the first", true), written(t, "the first", true)
	c := startCaddy(t, gatewayWithFile(gone, upstream.url, goneFile.path)+gatewayWithFile(changing, upstream.url, changingFile.path))
	upload := func(gateway string) string {
		t.Helper()
		return readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key)))))
	}
	if err := os.Remove(goneFile.path); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"the second", "the third", "the first"} { // each is another look at both files
		if err := changingFile.replace(secret); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the changing secret is "+secret, func() bool { return upload(changing) == secret })
	}
	if got := upload(gone); got != "the first" {
		t.Errorf("with a file that is gone: %s", got)
	}
	output := c.output.String()
	if own, caddys := strings.Count(output, "a file cannot be read any more"), strings.Count(output, "failed to read file"); own != 1 || caddys > 1 {
		t.Errorf("logged %d times by the gateway and %d times by Caddy", own, caddys)
	}
	if err := goneFile.replace("the second"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is there again", func() bool { return upload(gone) == "the second" })
}

// `caddy validate` provisions a config and lets go of it.
func TestAConfigThatIsOnlyValidatedReadsNoFiles(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	config := new(caddy.Config)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("{\n\tadmin off\n\tpersist_config off\n}\n"+
		gatewayWithFile(freeAddress(t), "http://127.0.0.1:9", written(t, "the first", true).path)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(adapted, config); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	if err := caddy.Validate(config); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}
