// SPDX-License-Identifier: Apache-2.0

// Command go uploads with github.com/uploadcare/uploadcare-go, whose host
// cannot be changed: only the connections to it go elsewhere, as with another
// entry in DNS.
//
//	go -gateway <address> -root <certificate> <task> <argument...>
//
// It prints what it uploaded: a uuid, or the id of a group.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/uploadcare/uploadcare-go/ucare"
	"github.com/uploadcare/uploadcare-go/upload"
)

// uploadHost is where the library believes the Upload API to be.
const uploadHost = "upload.uploadcare.com:443"

func main() {
	gateway := flag.String("gateway", "", "address of the gateway")
	root := flag.String("root", "", "certificate of the authority that the gateway's is from")
	http2 := flag.Bool("http2", false, "speak HTTP/2")
	signed := flag.Bool("signed", false, "sign, as this version does: with MD5, and another key")
	flag.Parse()

	uploaded, err := run(*gateway, *root, *http2, *signed, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(uploaded)
}

func run(gateway, root string, http2, signed bool, arguments []string) (string, error) {
	client, err := newHTTPClient(gateway, root, http2)
	if err != nil {
		return "", err
	}
	credentials := ucare.APICreds{PublicKey: "demopublickey", SecretKey: "not the secret key"}
	api, err := ucare.NewClient(credentials, &ucare.Config{HTTPClient: client, SignBasedAuthentication: signed})
	if err != nil {
		return "", err
	}
	if len(arguments) < 2 {
		return "", errors.New("a task and its arguments are missing")
	}
	service, argument := upload.NewService(api), arguments[1]
	switch arguments[0] {
	case "direct":
		return direct(service, argument)
	case "parts":
		return parts(service, argument)
	case "from_url":
		return fromURL(service, argument)
	case "group":
		group, err := service.CreateGroup(context.Background(), arguments[1:])
		return group.ID, err
	default:
		return "", fmt.Errorf("unknown task %q", arguments[0])
	}
}

// newHTTPClient returns a client for which the Upload API is the gateway.
func newHTTPClient(gateway, root string, http2 bool) (*http.Client, error) {
	certificate, err := os.ReadFile(root)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(certificate) {
		return nil, fmt.Errorf("%s holds no certificate", root)
	}
	return &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: http2,
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == uploadHost {
				address = gateway
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}, nil
}

func direct(service upload.Service, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return service.File(context.Background(), upload.FileParams{
		Data: bytes.NewReader(content), Name: "file.bin", ContentType: "application/octet-stream",
	})
}

func parts(service upload.Service, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	begun, err := service.Multipart(context.Background(), upload.MultipartParams{
		Data: bytes.NewReader(content), Size: int64(len(content)), FileName: "file.bin", ContentType: "application/octet-stream",
	})
	if err != nil {
		return "", err
	}
	return wait(begun.Done(), begun.Error())
}

func fromURL(service upload.Service, source string) (string, error) {
	begun, err := service.FromURL(context.Background(), upload.FromURLParams{URL: source})
	if err != nil {
		return "", err
	}
	if info, ok := begun.Info(); ok {
		return info.ID, nil
	}
	return wait(begun.Done(), begun.Error())
}

func wait(done <-chan upload.FileInfo, failed <-chan error) (string, error) {
	select {
	case info := <-done:
		return info.ID, nil
	case err := <-failed:
		return "", err
	}
}
