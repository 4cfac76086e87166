// SPDX-License-Identifier: Apache-2.0

package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox"
)

// The sandbox in a test of one's own, as the upstream of an uploader: provision it, serve
// it, and clean up. An upload without a signature gets the service's error.
func ExampleHandler() {
	root, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	handler := &sandbox.Handler{PublicKey: "demopublickey", SecretKey: "demosecretkey", Root: root}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if err := handler.Provision(ctx); err != nil {
		panic(err)
	}
	defer func() { _ = handler.Cleanup() }()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = handler.ServeHTTP(w, r, nil) // it never calls the next handler
	}))
	defer server.Close()

	var body strings.Builder
	form := multipart.NewWriter(&body)
	_ = form.WriteField("UPLOADCARE_PUB_KEY", "demopublickey")
	file, _ := form.CreateFormFile("file", "hello.txt")
	_, _ = file.Write([]byte("hello"))
	_ = form.Close()
	response, err := http.Post(server.URL+"/base/?jsonerrors=1", form.FormDataContentType(), strings.NewReader(body.String()))
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	var refused struct {
		Error struct {
			Code string `json:"error_code"`
		}
	}
	_ = json.NewDecoder(response.Body).Decode(&refused)
	fmt.Println(response.StatusCode, refused.Error.Code)
	// Output: 200 SignatureRequiredError
}
