// SPDX-License-Identifier: Apache-2.0

package loopback

import (
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ServeNames runs a name server at the address that it returns, until stop. Names that it
// knows are those of 127.0.0.1 and ::1, and others do not exist; it is asked about each query.
func ServeNames(knows func(name string) bool) (address string, stop func() error, err error) {
	connection, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go func() {
		query := make([]byte, 1500)
		for {
			n, client, err := connection.ReadFrom(query)
			if err != nil {
				return
			}
			if response, err := respond(query[:n], knows); err == nil {
				_, _ = connection.WriteTo(response, client)
			}
		}
	}()
	return connection.LocalAddr().String(), connection.Close, nil
}

// respond returns the response to a query.
func respond(query []byte, knows func(name string) bool) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	response := dnsmessage.Message{Header: dnsmessage.Header{ID: header.ID, Response: true}, Questions: []dnsmessage.Question{question}}
	resource := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 1}
	switch {
	case !knows(strings.TrimSuffix(question.Name.String(), ".")):
		response.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		response.Answers = []dnsmessage.Resource{{Header: resource, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	case question.Type == dnsmessage.TypeAAAA:
		response.Answers = []dnsmessage.Resource{{Header: resource, Body: &dnsmessage.AAAAResource{AAAA: [16]byte{15: 1}}}}
	}
	return response.Pack()
}
