// SPDX-License-Identifier: Apache-2.0

package loopback

import (
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ServeNames runs a name server at the address that it returns, until stop. Names that it
// knows are those of 127.0.0.1 and ::1, and others do not exist; it is asked about each query.
func ServeNames(knows func(name string) bool) (address string, stop func() error, err error) {
	return ServeAddresses(func(name string) []netip.Addr {
		if !knows(name) {
			return nil
		}
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	})
}

// ServeAddresses runs a name server as [ServeNames] does, with an address or two for each name,
// of which one is of IPv4 and one of IPv6. A name without any does not exist.
func ServeAddresses(of func(name string) []netip.Addr) (address string, stop func() error, err error) {
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
			if response, err := respond(query[:n], of); err == nil {
				_, _ = connection.WriteTo(response, client)
			}
		}
	}()
	return connection.LocalAddr().String(), connection.Close, nil
}

// respond returns the response to a query.
func respond(query []byte, of func(name string) []netip.Addr) ([]byte, error) {
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
	addresses := of(strings.TrimSuffix(question.Name.String(), "."))
	if len(addresses) == 0 {
		response.RCode = dnsmessage.RCodeNameError
	}
	for _, address := range addresses {
		switch {
		case question.Type == dnsmessage.TypeA && address.Is4():
			response.Answers = []dnsmessage.Resource{{Header: resource, Body: &dnsmessage.AResource{A: address.As4()}}}
		case question.Type == dnsmessage.TypeAAAA && address.Is6():
			response.Answers = []dnsmessage.Resource{{Header: resource, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}}}
		}
	}
	return response.Pack()
}
