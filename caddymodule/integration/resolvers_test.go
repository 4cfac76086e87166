// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

const uploadHost = "upload.uploadcare.com"

// startNameServer responds for one host, with an address on loopback, and says
// how often it was asked for it.
func startNameServer(t *testing.T, host string) (address string, asked chan struct{}) {
	t.Helper()
	connection, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	asked = make(chan struct{}, 100)
	go func() {
		query := make([]byte, 1500)
		for {
			n, client, err := connection.ReadFrom(query)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(query[:n]) != nil || len(message.Questions) != 1 {
				continue
			}
			question := message.Questions[0]
			response := dnsmessage.Message{Header: dnsmessage.Header{ID: message.ID, Response: true}, Questions: message.Questions}
			switch {
			case question.Name.String() != host+".":
				response.RCode = dnsmessage.RCodeNameError
			case question.Type == dnsmessage.TypeA:
				asked <- struct{}{}
				response.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 1},
					Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
				}}
			}
			if packed, err := response.Pack(); err == nil {
				_, _ = connection.WriteTo(packed, client)
			}
		}
	}()
	return connection.LocalAddr().String(), asked
}

// A gateway that has taken the Upload API's name asks a name server of its own
// for the real address, and so does not call itself.
func TestTheUpstreamIsFoundByItsOwnResolvers(t *testing.T) {
	hosts := make(chan string, 1)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hosts <- r.Host
	})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(upstream.URL, "http://"))
	server, asked := startNameServer(t, uploadHost)
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, "http://"+uploadHost+":"+port, "insecure_http\n\t\ttransport http {\n\t\t\tresolvers "+server+"\n\t\t}"), canarySecret)
	response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
	if body := readAll(t, response); response.StatusCode != http.StatusOK {
		t.Fatalf("response %d %s", response.StatusCode, body)
	}
	if host := <-hosts; host != uploadHost {
		t.Errorf("the upstream was asked as %s", host)
	}
	if len(asked) == 0 {
		t.Error("the name server was not asked")
	}
}
