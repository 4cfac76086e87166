// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// cutShortOverHTTP2 sends the beginning of a form, says that it has sent all, and
// returns the response. Go's client would say nothing of the kind.
func cutShortOverHTTP2(t *testing.T, address, form string, sent int) string {
	t.Helper()
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	for _, field := range [][2]string{
		{":method", "POST"},
		{":scheme", "https"},
		{":authority", address},
		{":path", "/base/"},
		{"content-type", "multipart/form-data; boundary=" + boundary},
		{"content-length", strconv.Itoa(len(form))},
	} {
		_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: header.Bytes(), EndHeaders: true})
	for rest := form[:sent]; len(rest) > 0; {
		piece := rest[:min(len(rest), 16000)]
		if err := framer.WriteData(1, false, []byte(piece)); err != nil {
			t.Fatal(err)
		}
		rest = rest[len(piece):]
	}
	_ = framer.WriteData(1, true, nil)
	var status, body string
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return fmt.Sprintf("%s %s, %v", status, body, err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status = frame.PseudoValue("status")
		case *http2.DataFrame:
			body += string(frame.Data())
		case *http2.RSTStreamFrame:
			return fmt.Sprintf("%s %s, reset: %v", status, body, frame.ErrCode)
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
			continue
		}
		if frame.Header().StreamID == 1 && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return status + " " + body
		}
	}
}
