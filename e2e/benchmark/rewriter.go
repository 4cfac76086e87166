// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// The credential of contenders that cannot sign. Signing costs nothing to speak of: the
// gateway caches its credential for minutes.
const (
	freshSignatureValue = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	freshExpireValue    = "4000000000"
)

// runRewriter serves a simple gateway, as it can be written in an afternoon: it reads a form
// with mime/multipart and writes it anew, through a pipe.
func runRewriter(arguments []string) error {
	flags := flag.NewFlagSet("rewriter", flag.ExitOnError)
	address := flags.String("address", "", "to listen on")
	upstream := flags.String("upstream", "", "URL")
	certificate := flags.String("certificate", "", "directory of the certificate")
	secure := flags.Bool("tls", false, "listen with TLS")
	_ = flags.Parse(arguments)

	config, err := loopback.ClientTLS(*certificate)
	if err != nil {
		return err
	}
	// Go keeps 2 idle connections for each host by default: with 32 clients, nearly every
	// upload would connect.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 64}}
	server := &http.Server{Addr: *address, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rewrite(w, r, client, *upstream)
	})}
	if *secure {
		return server.ListenAndServeTLS(filepath.Join(*certificate, loopback.CertificateFile), filepath.Join(*certificate, loopback.KeyFile))
	}
	return server.ListenAndServe()
}

// rewrite passes one upload on, with another credential.
func rewrite(w http.ResponseWriter, r *http.Request, client *http.Client, upstream string) {
	parts, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// The usual way, in which each write waits for its reader: there is no buffer
	// between.
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	// Of unknown length, hence chunked: a form that is written anew has another length.
	go func() { writer.CloseWithError(copyParts(form, parts)) }()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, upstream+r.URL.Path, reader)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	if verify := r.Header.Get(verifyHeader); verify != "" {
		request.Header.Set(verifyHeader, verify)
	}
	response, err := client.Do(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// copyParts copies all parts but the credential, and adds a fresh one at the end.
func copyParts(form *multipart.Writer, parts *multipart.Reader) error {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if name := strings.ToLower(part.FormName()); part.FileName() == "" && (name == "signature" || name == "expire") {
			continue
		}
		copied, err := form.CreatePart(part.Header)
		if err != nil {
			return err
		}
		if _, err := io.Copy(copied, part); err != nil {
			return err
		}
	}
	if err := form.WriteField("signature", freshSignatureValue); err != nil {
		return err
	}
	if err := form.WriteField("expire", freshExpireValue); err != nil {
		return err
	}
	return form.Close()
}
