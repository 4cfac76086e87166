// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// streamWindow returns what a stream of a new HTTP/2 connection may have on its way, and
// checks that the connection has Go's 1 MiB, and 4 KiB more if its windows can grow.
func streamWindow(t *testing.T, address string) (stream uint32) {
	t.Helper()
	var connection *tls.Conn
	eventually(t, "there is a certificate", func() (there bool) {
		var err error
		connection, err = tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"h2"}})
		return err == nil
	})
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(connection, http2.ClientPreface)
	framer := http2.NewFramer(connection, connection)
	_ = framer.WriteSettings()
	const initial = 65535 // what every connection begins with
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if size, ok := frame.Value(http2.SettingInitialWindowSize); ok {
				stream = size
			}
		case *http2.WindowUpdateFrame:
			if frame.StreamID == 0 {
				want := uint32(1 << 20)
				if stream > want {
					want += 4 << 10
				}
				if got := frame.Increment + initial; got != want {
					t.Errorf("a new connection has %d, want %d", got, want)
				}
				return stream
			}
		}
	}
}

// windowSite is a gateway at a host and port, with an option.
func windowSite(at, upstream, option string) string {
	return fmt.Sprintf("https://%s {\n\ttls internal\n\tuploadcare {\n\t\tproject pk\n\t\tsecret_key sk\n\t\tupstream http://%s\n\t\t%s\n\t}\n}\n", at, upstream, option)
}

func TestHTTP2WindowsBelongToTheServer(t *testing.T) {
	tests := map[string]struct {
		options []string // of the sites of one server
		want    uint32   // a share of four fifths, and Go's 1 MiB
	}{
		"by default":             {[]string{""}, 49 << 20},
		"smaller":                {[]string{"http2_windows 5MiB"}, 5 << 20},
		"off":                    {[]string{"http2_windows off"}, 1 << 20},
		"the largest of several": {[]string{"http2_windows 5MiB", "http2_windows off", "http2_windows 10MiB"}, 9 << 20},
		"on at one site":         {[]string{"http2_windows off", "http2_windows 5MiB"}, 5 << 20},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			_, port, _ := strings.Cut(address, ":")
			var caddyfile strings.Builder
			for i, option := range test.options {
				host := "localhost"
				if i > 0 {
					host = fmt.Sprintf("site%d.localhost", i)
				}
				caddyfile.WriteString(windowSite(host+":"+port, "127.0.0.1:9", option))
			}
			c := startCaddy(t, caddyfile.String())
			if got := streamWindow(t, address); got != test.want {
				t.Errorf("a stream has %d, want %d", got, test.want)
			}
			limit, err := strconv.ParseFloat(uploadcareMetrics(c)["caddy_uploadcare_http2_windows_limit_bytes"], 64)
			if want := float64(test.want-1<<20) / 4 * 5; err != nil || limit != want {
				t.Errorf("the limit is shown as %v (%v), want %v", limit, err, want)
			}
		})
	}
}

// Uploads that a reload finds half-way arrive, and new connections have the new config's windows.
func TestInvariant9AReloadLosesNoUploadOverHTTP2(t *testing.T) {
	const uploads, size = 8, 6 << 20
	address, sandbox := freeAddress(t), freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	config := func(option string) string {
		return windowSite("localhost:"+port, sandbox, option) + fmt.Sprintf("http://%s {\n\tuploadcare_sandbox {\n\t\tpublic_key pk\n\t\tsecret_key sk\n\t}\n}\n", sandbox)
	}
	c := startCaddy(t, config(""))
	streamWindow(t, address)
	only := new(http.Protocols)
	only.SetHTTP2(true)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}, Protocols: only}
	defer transport.CloseIdleConnections()
	reloaded := make(chan struct{})
	var half, running sync.WaitGroup
	half.Add(uploads)
	for i := range uploads {
		running.Go(func() {
			file := bytes.Repeat([]byte{byte('a' + i)}, size)
			form := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"UPLOADCARE_PUB_KEY\"\r\n\r\npk\r\n--" + boundary +
				"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\n" + string(file) + "\r\n--" + boundary + "--\r\n"
			reader, writer := io.Pipe()
			go func() {
				_, _ = io.WriteString(writer, form[:size/2])
				half.Done()
				<-reloaded
				_, _ = io.WriteString(writer, form[size/2:])
				_ = writer.Close()
			}()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address+"/base/", reader)
			if err != nil {
				t.Error(err)
				return
			}
			request.Host = "localhost:" + port
			request.ContentLength = int64(len(form))
			request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Errorf("upload %d: %v", i, err)
				return
			}
			if body := readAll(t, response); response.StatusCode != http.StatusOK {
				t.Errorf("upload %d: %s %s", i, response.Status, body)
			}
		})
	}
	half.Wait()
	c.reload(config("http2_windows 5MiB"))
	close(reloaded)
	running.Wait()
	if got := streamWindow(t, address); got != 5<<20 {
		t.Errorf("after the reload, a stream has %d", got)
	}
}
