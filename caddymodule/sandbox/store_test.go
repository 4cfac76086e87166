// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (f *fixture) wantNoSecretLogged(t *testing.T) {
	t.Helper()
	for _, entry := range f.logs.All() {
		text := fmt.Sprint(entry.Message, entry.ContextMap())
		for _, secret := range []string{testSecretKey, "stalesignature", signed()[1][len(signed()[1])-64:]} {
			if strings.Contains(text, secret) {
				t.Errorf("the log shows %q: %s", secret, text)
			}
		}
	}
}

func TestModesOfWhatIsStored(t *testing.T) {
	root := filepath.Join(t.TempDir(), "new", "root")
	f := newFixture(t, func(h *Handler) { h.Root = root })
	id := f.accepted(t, aFile)["file"]
	for name, want := range map[string]os.FileMode{
		"":                               0o700 | os.ModeDir,
		id:                               0o700 | os.ModeDir,
		filepath.Join(id, contentName):   0o600,
		filepath.Join(id, infoName):      0o600,
		filepath.Join("..", "..", "new"): 0o700 | os.ModeDir,
	} {
		stat, err := os.Stat(filepath.Join(f.root, name))
		if err != nil {
			t.Fatal(err)
		}
		if stat.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, stat.Mode(), want)
		}
	}
}

func TestARestartKeepsFilesAndCountsThem(t *testing.T) {
	root := t.TempDir()
	option := func(h *Handler) { h.Root, h.StorageLimit = root, 100 }
	first := newFixture(t, option)
	id := first.accepted(t, file("file", "x.txt", strings.Repeat("x", 70)))["file"]
	if err := first.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if holds, exists := stores.References(first.root); exists {
		t.Fatalf("the store is still held %d times", holds)
	}

	second := newFixture(t, option)
	if got := second.get(t, "/"+id+"/").Body.String(); got != strings.Repeat("x", 70) {
		t.Errorf("after the restart the file is %q", got)
	}
	wantRefusal(t, second.upload(t, append(signed(), file("file", "x", strings.Repeat("y", 31)))...), errAccountLimits)
	second.accepted(t, file("file", "x", strings.Repeat("y", 30)))
	if used := second.used(t); used != 100 {
		t.Errorf("%d bytes are counted, want 100", used)
	}
}

func TestARestartRemovesWhatACrashLeft(t *testing.T) {
	root := t.TempDir()
	foreign := filepath.Join(root, "README")
	for name, content := range map[string]string{
		filepath.Join(partialPrefix+unknownID, contentName): strings.Repeat("x", 1000),
		filepath.Join(partialPrefix+unknownID, infoName):    "{",
		partialPrefix + "file":                              "x",
		filepath.Join(unknownID, "other"):                   "x",
		"README":                                            strings.Repeat("x", 1000),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newFixture(t, func(h *Handler) { h.Root, h.StorageLimit = root, 10 })
	f.accepted(t, file("file", "x", "0123456789"))
	for _, name := range filesBelow(t, root) {
		if strings.HasPrefix(name, partialPrefix) {
			t.Errorf("%q is still there", name)
		}
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file that is not the sandbox's: %v", err)
	}
	if used := f.used(t); used != 10 {
		t.Errorf("%d bytes are counted, want 10", used)
	}
	wantRefusal(t, f.get(t, "/"+unknownID+"/"), refusal(404, "FileNotFoundError", "File is not found."))
}

// `caddy validate` provisions and cleans up beside a server that is running.
func TestLoadingAConfigurationTouchesNoUpload(t *testing.T) {
	root := t.TempDir()
	underWay := filepath.Join(root, partialPrefix+unknownID)
	if err := os.Mkdir(underWay, 0o700); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(h *Handler) { h.Root = root })
	if err := f.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(underWay); err != nil {
		t.Errorf("the upload of another process: %v", err)
	}
}

func TestADiskThatFailsIsAnInternalError(t *testing.T) {
	internal := refusal(500, "UploadAPIError", "Internal error.")
	t.Run("the root is gone", func(t *testing.T) {
		f := newFixture(t)
		if err := os.RemoveAll(f.root); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, f.upload(t, append(signed(), aFile)...), internal)
		wantEnvelope(t, f.do(t, uploadRequest("/base/?jsonerrors=1", formOf(append(signed(), aFile)...))), internal)
		if f.logs.FilterMessage("storage failed").Len() != 2 {
			t.Errorf("the failures are not in the log: %v", f.logs.All())
		}
		f.wantNoSecretLogged(t)
	})
	t.Run("the place of the info file is taken", func(t *testing.T) {
		f := newFixture(t)
		form := formOf(append(signed(), aFile)...)
		upload := startUpload(f)
		upload.write(t, form[:len(form)-5])
		partial := filesBelow(t, f.root)[0]
		if err := os.Mkdir(filepath.Join(f.root, partial, infoName), 0o700); err != nil {
			t.Fatal(err)
		}
		upload.write(t, form[len(form)-5:])
		if err := upload.finish(); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, upload.recorder, internal)
		f.wantNothingKept(t)
	})
	t.Run("the info file is damaged", func(t *testing.T) {
		f := newFixture(t)
		id := f.accepted(t, aFile)["file"]
		if err := os.WriteFile(filepath.Join(f.root, id, infoName), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, f.get(t, "/"+id+"/"), internal)
		wantRefusal(t, f.get(t, "/info/?pub_key="+testPublicKey+"&file_id="+id), internal)
	})
	t.Run("the content is gone", func(t *testing.T) {
		f := newFixture(t)
		id := f.accepted(t, aFile)["file"]
		if err := os.Remove(filepath.Join(f.root, id, contentName)); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, f.get(t, "/"+id+"/"), refusal(404, "FileNotFoundError", "File is not found."))
	})
}

func TestAFileThatCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	held, err := acquireStore(f.root)
	if err != nil {
		t.Fatal(err)
	}
	defer f.release()
	upload := newForm(func() (*partial, error) {
		file, err := held.create(1 << 20)
		if err == nil {
			err = file.file.Close() // from here on every write fails
		}
		return file, err
	})
	body := &limitedReader{source: strings.NewReader(formOf(append(signed(), aFile)...)), left: 1 << 20}
	err = body.explain(upload.read(body, testBoundary))
	if !errors.Is(err, errStorage) {
		t.Errorf("the failure is reported as %v", err)
	}
	if err := upload.files[0].finish("x", ""); !errors.Is(err, errStorage) {
		t.Errorf("finish: %v", err)
	}
	if err := upload.discard(); err != nil {
		t.Errorf("discard: %v", err)
	}
	f.wantNothingKept(t)
}

// All files of a form appear or none does.
func TestAFormIsPublishedAsAWhole(t *testing.T) {
	f := newFixture(t)
	held, err := acquireStore(f.root)
	if err != nil {
		t.Fatal(err)
	}
	defer f.release()
	upload := newForm(func() (*partial, error) { return held.create(100) })
	if err := upload.read(strings.NewReader(formOf(file("a", "a", "aaa"), file("b", "b", "bbb"))), testBoundary); err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(f.root, upload.files[1].directory, infoName)
	if err := os.Mkdir(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	if ids, err := upload.publish(attributes{}); err == nil {
		t.Fatalf("published %v", ids)
	}
	if err := upload.discard(); err != nil {
		t.Fatal(err)
	}
	f.wantNothingKept(t)
}
