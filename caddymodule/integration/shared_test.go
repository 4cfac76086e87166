// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// loadWithStorage loads a Caddyfile with a storage in a directory.
func (c *caddyProcess) loadWithStorage(directory, caddyfile string) {
	c.t.Helper()
	global := fmt.Sprintf("{\n\tadmin %s\n\tskip_install_trust\n\tlocal_certs\n\tpersist_config off\n\tdebug\n\tstorage file_system %s\n}\n", c.admin, directory)
	if err := os.WriteFile(c.path(), []byte(global+caddyfile), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if output, err := c.run(c.t.Context(), nil, "reload", "--force", "--config", c.path()).CombinedOutput(); err != nil {
		c.t.Fatalf("reload: %v\n%s", err, output)
	}
	awaitOneListener()
}

// Invariant 6, for a fleet: processes with one storage, and with uploads that
// come all at once, ask the resolver once. A process that starts later asks
// not at all, and one whose storage is gone asks for itself.
func TestInvariant6ProcessesWithOneStorageAskOnce(t *testing.T) {
	var calls atomic.Int32
	signatures := make(chan string, 10)
	resolver := startUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		time.Sleep(100 * time.Millisecond) // so that they meet
		pair, expire := pairFor(time.Hour)
		signatures <- pair.Signature
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%s"}`, pair.Signature, expire)
	})
	storage, sandbox := t.TempDir(), freeAddress(t)
	startCaddy(t, sandboxAt(sandbox))
	var gateways []string
	var processes []*caddyProcess
	begin := func() string {
		gateway := freeAddress(t)
		c := startCaddy(t, "")
		c.loadWithStorage(storage, gatewayFrom(gateway, "http://"+sandbox, "resolver "+resolver.URL+"\n\t\t\tshared"))
		gateways, processes = append(gateways, gateway), append(processes, c)
		return gateway
	}
	begin()
	begin()
	var uploads sync.WaitGroup
	for i := range 40 {
		uploads.Go(func() {
			if status := uploadTo(t, gateways[i%2]); status != http.StatusOK {
				t.Errorf("response %d", status)
			}
		})
	}
	uploads.Wait()
	if status := uploadTo(t, begin()); status != http.StatusOK || calls.Load() != 1 {
		t.Errorf("response %d, %d calls", status, calls.Load())
	}
	if output := processes[2].output.String(); !strings.Contains(output, "credential read from the storage") {
		t.Error("the log does not say where the credential came from")
	}

	// What is stored is for the owner of the storage's eyes only.
	records := 0
	_ = filepath.WalkDir(storage, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.Contains(path, "uploadcare") && !entry.IsDir() {
			info, _ := entry.Info()
			if records++; info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s may be read by others: %s", path, info.Mode())
			}
		}
		return nil
	})
	if records != 1 {
		t.Errorf("%d records", records)
	}

	last := begin()
	if err := os.RemoveAll(storage); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(storage, nil, 0o600); err != nil { // where its directory was
		t.Fatal(err)
	}
	if status := uploadTo(t, last); status != http.StatusOK || calls.Load() != 2 {
		t.Errorf("without the storage: response %d, %d calls", status, calls.Load())
	}
	if output := processes[3].output.String(); strings.Count(output, "credentials cannot be shared through the storage") != 1 {
		t.Error("the log does not report once that the storage cannot be used")
	}
	close(signatures)
	for signature := range signatures {
		for i, c := range processes {
			if strings.Contains(c.output.String()+c.get("/config/")+c.get("/metrics"), signature) {
				t.Errorf("process %d shows a signature", i)
			}
		}
	}
}
