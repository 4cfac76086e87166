// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	mebibyte = 1 << 20
	boundary = "------------------------e2e4memory0boundary"

	// growthLimit is how much a process may grow during one upload of any size.
	growthLimit = 64 * mebibyte
	// slowUploadLimit is far above what a slow upload takes, and far below a
	// body that is held.
	slowUploadLimit = mebibyte
)

// rss returns the resident set in bytes.
func (p *process) rss() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		p.t.Fatal(err)
	}
	match := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kilobytes << 10
}

// goroutines returns the number of goroutines, once idle connections have been closed.
func (p *process) goroutines() int {
	p.t.Helper()
	response, err := http.Get("http://" + p.admin + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	dump, _ := io.ReadAll(response.Body)
	count, err := strconv.Atoi(string(regexp.MustCompile(`total (\d+)`).FindSubmatch(dump)[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return count
}

// watch samples the resident set until the returned function is called, which
// returns the median and the peak.
func (p *process) watch() func() (median, peak int64) {
	stop, samples := make(chan struct{}), []int64{}
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				samples = append(samples, p.rss())
			}
		}
	})
	return func() (int64, int64) {
		close(stop)
		sampling.Wait()
		samples = append(samples, p.rss())
		slices.Sort(samples)
		return samples[len(samples)/2], samples[len(samples)-1]
	}
}

// content yields size random bytes, the same block over and over.
type content struct {
	block      []byte
	left, sent int64
	interval   time.Duration // to wait between pieces
	piece      int
}

func (c *content) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	if c.interval > 0 {
		time.Sleep(c.interval)
		p = p[:min(len(p), c.piece)]
	}
	offset := int(c.sent % int64(len(c.block)))
	n := copy(p[:min(int64(len(p)), c.left)], c.block[offset:])
	c.sent += int64(n)
	c.left -= int64(n)
	return n, nil
}

// upload sends a file of content through the gateway and returns the response.
func upload(t *testing.T, client *http.Client, address string, body *content) string {
	t.Helper()
	before := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\nstale\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"
	after := "\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"UPLOADCARE_PUB_KEY\"\r\n\r\ndemopublickey\r\n--" + boundary + "--\r\n"
	length := int64(len(before)) + body.left + int64(len(after))
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/base/", io.MultiReader(strings.NewReader(before), body, strings.NewReader(after)))
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = length
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	response, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", string(text))
}

// newSink is an Upload API that stores nothing: it responds with the checksum of
// the file, and the numbers of signatures and expiries.
func newSink(t *testing.T) *httptest.Server {
	t.Helper()
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reader, err := r.MultipartReader()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		sum, counts := crc32.NewIEEE(), map[string]int{}
		for {
			part, err := reader.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			counts[part.FormName()]++
			if err := consume(sum, part); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		fmt.Fprintf(w, "%08x %d %d", sum.Sum32(), counts["signature"], counts["expire"])
	}))
	t.Cleanup(sink.Close)
	return sink
}

func consume(sum io.Writer, part *multipart.Part) error {
	if part.FileName() == "" {
		sum = io.Discard
	}
	_, err := io.Copy(sum, part)
	return err
}

func randomBlock(t *testing.T) []byte {
	t.Helper()
	block := make([]byte, mebibyte)
	if _, err := rand.Read(block); err != nil {
		t.Fatal(err)
	}
	return block
}

func checksum(block []byte, size int64) string {
	sum := crc32.NewIEEE()
	_, _ = io.Copy(sum, &content{block: block, left: size})
	return fmt.Sprintf("%08x", sum.Sum32())
}

func gateway(address, upstream string) string {
	return "http://" + address + " {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject demopublickey\n\t\tsecret_key demosecretkey\n\t\tupstream " + upstream + "\n\t}\n}\n"
}

// Invariant 4: memory per request has a fixed bound, whatever the size.
func TestInvariant4FourGibibytesTakeNoMemory(t *testing.T) {
	const size = 4 << 30
	sink, address, block := newSink(t), freeAddress(t), randomBlock(t)
	p := start(t, gateway(address, sink.URL))
	for range 10 {
		upload(t, http.DefaultClient, address, &content{block: block, left: mebibyte})
	}
	idle := p.rss()
	measured := p.watch()
	response := upload(t, http.DefaultClient, address, &content{block: block, left: size})
	_, peak := measured()
	if want := "200 " + checksum(block, size) + " 1 1"; response != want {
		t.Errorf("response %q, want %q", response, want)
	}
	t.Logf("4 GiB: idle %d KiB, peak %d KiB", idle>>10, peak>>10)
	if peak-idle > growthLimit {
		t.Errorf("the gateway grew by %d MiB", (peak-idle)/mebibyte)
	}
}

func TestInvariant4SlowUploadsTakeLittleMemory(t *testing.T) {
	const uploads, size = 32, 16 * mebibyte
	sink, address, block := newSink(t), freeAddress(t), randomBlock(t)
	p := start(t, gateway(address, sink.URL))
	client := &http.Client{Transport: new(http.Transport)}
	upload(t, client, address, &content{block: block, left: mebibyte})
	client.CloseIdleConnections()
	time.Sleep(time.Second)
	idle, before := p.rss(), p.goroutines()

	measured := p.watch()
	var running sync.WaitGroup
	for range uploads {
		running.Go(func() { // 64 KiB every 31 ms: 2 MiB a second
			response := upload(t, client, address, &content{block: block, left: size, interval: 31 * time.Millisecond, piece: 64 << 10})
			if want := "200 " + checksum(block, size) + " 1 1"; response != want {
				t.Errorf("response %q, want %q", response, want)
			}
		})
	}
	running.Wait()
	median, peak := measured()
	t.Logf("%d slow uploads: idle %d KiB, growth per upload: median %d KiB, peak %d KiB",
		uploads, idle>>10, (median-idle)/uploads>>10, (peak-idle)/uploads>>10)
	if perUpload := (median - idle) / uploads; perUpload > slowUploadLimit {
		t.Errorf("an upload takes %d KiB", perUpload>>10)
	}

	// The proxy's idle connections end after 30 seconds.
	client.CloseIdleConnections()
	for range 60 {
		if p.goroutines() <= before {
			return
		}
		time.Sleep(time.Second)
	}
	t.Errorf("%d goroutines before, %d a minute after", before, p.goroutines())
}

func TestSandboxStreams(t *testing.T) {
	const size = 1 << 30
	sandbox, address, block := freeAddress(t), freeAddress(t), randomBlock(t)
	p := start(t, gateway(address, "http://"+sandbox)+
		"http://"+sandbox+" {\n\tbind 127.0.0.1\n\tuploadcare_sandbox {\n\t\trequest_limit 2GiB\n\t\tstorage_limit 2GiB\n\t}\n}\n")
	for range 10 {
		upload(t, http.DefaultClient, address, &content{block: block, left: mebibyte})
	}
	idle := p.rss()
	measured := p.watch()
	response := upload(t, http.DefaultClient, address, &content{block: block, left: size})
	_, peak := measured()
	match := regexp.MustCompile(`^200 \{"file":"([0-9a-f-]{36})"\}$`).FindStringSubmatch(response)
	if match == nil {
		t.Fatalf("response %q", response)
	}
	t.Logf("1 GiB into the sandbox: idle %d KiB, peak %d KiB", idle>>10, peak>>10)
	if peak-idle > growthLimit {
		t.Errorf("gateway and sandbox grew by %d MiB", (peak-idle)/mebibyte)
	}
	stored, err := http.Get("http://" + sandbox + "/" + match[1] + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Body.Close()
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, stored.Body); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%08x", sum.Sum32()); got != checksum(block, size) {
		t.Error("another file is stored")
	}
}
