// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// checkLive uploads one byte to each project, the whole way: only the service knows whether
// a secret key belongs to a public key.
func (c *checker) checkLive(s *site, loaded loadedSite) (findings []finding) {
	for _, p := range loaded.sign.Projects {
		switch {
		case p.Name() == project.Any:
			findings = append(findings, finding{"live", "*", ok, "not tried: it has no public key of its own", ""})
		case p.Traits().PerCaller:
			findings = append(findings, finding{"live", p.Name(), ok, "not tried: credentials are for callers, and there is none", ""})
		default:
			ctx, cancel := context.WithTimeout(c.ctx, limit)
			findings = append(findings, uploadByte(ctx, s, loaded, p.Name()))
			cancel()
		}
	}
	return findings
}

// uploadByte uploads a file of one byte to a project, and judges the response. The file is not
// stored for good, and has a name by which the operator recognizes it in the dashboard.
func uploadByte(ctx context.Context, s *site, loaded loadedSite, publicKey string) finding {
	body, contentType := byteForm(publicKey)
	address := "http://" + s.requestHost() + uploadapi.Base + "?jsonerrors=1"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return finding{"live", publicKey, failed, err.Error(), "check the site's address"}
	}
	// The gateway's own handler and proxy send it, and no other HTTP client: so the check
	// proves the way that uploads go, with their policy and their transport.
	request.Header.Set("Content-Type", contentType)
	response, refused, err := serve(loaded.sign, loaded.proxy, request)
	if err != nil {
		return finding{"live", publicKey, failed, fmt.Sprintf("the upload failed: %v", withoutStatus(err)), upstreamRemedy(err)}
	}
	return judgeByte(publicKey, refused, response.status, response.body.Bytes())
}

// judgeByte judges the response to the upload of one byte. refused is the code of the
// gateway's own refusal, or empty.
func judgeByte(publicKey, refused string, status int, body []byte) finding {
	var response struct {
		File  string `json:"file"`
		Error struct {
			Content string `json:"content"`
			Code    string `json:"error_code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &response) // a body that is not JSON has no file, and so is a failure
	if response.File != "" {
		return finding{"live", publicKey, ok, "one byte was uploaded with store=0: " + response.File, ""}
	}
	code, text := response.Error.Code, response.Error.Content
	if text == "" {
		text = fmt.Sprintf("status %d", status)
	}
	f := finding{"live", publicKey, failed, "one byte was not uploaded: " + text, ""}
	if code != "" {
		f.Text += " (" + code + ")"
	}
	switch {
	// For a size or a type that is not allowed, the gateway has the service's code, and for
	// all else one of its own. So without the prefix, the project's policy has refused.
	case refused != "" && !strings.HasPrefix(refused, "Gateway"):
		f.Verdict, f.Remedy = warning, "the project's own policy refuses a text file of one byte: if that is meant, upload a file that it allows"
	case strings.Contains(code, "SignatureInvalid"), strings.Contains(text, "Invalid signature"):
		f.Remedy = "the secret key, here or in the back end, belongs to another project: copy the one that the dashboard shows for this public key"
	case strings.Contains(code, "Expir"), strings.Contains(text, "xpired"):
		f.Remedy = "set this machine's clock, or that of the back end which signs"
	case strings.Contains(code, "PublicKey"), strings.Contains(text, "pub_key"), strings.Contains(text, "PUB_KEY"):
		f.Remedy = "check the public key: the service has no such project"
	case refused != "":
		f.Remedy = "the gateway has refused it: the findings above, and docs/errors.md, say why"
	default:
		f.Remedy = "the text is the service's: see the project's settings, such as allowed types and the account's limits"
	}
	return f
}

// byteForm returns a form with a file of one byte.
func byteForm(publicKey string) (body []byte, contentType string) {
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	_ = writer.WriteField(uploadapi.FieldPublicKey, publicKey) // a buffer does not fail
	_ = writer.WriteField(uploadapi.FieldStore, "0")
	part, _ := writer.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="caddy-uploadcare-check.txt"`},
		"Content-Type":        {"text/plain"},
	})
	_, _ = part.Write([]byte("x"))
	_ = writer.Close()
	return form.Bytes(), writer.FormDataContentType()
}
