// SPDX-License-Identifier: Apache-2.0

// Package openapi holds the sandbox to the Upload API's OpenAPI document. It is
// a module of its own, so that no other module needs the validator:
//
//	OPENAPI=<document> CADDY=<binary> go -C e2e/openapi test ./...
//
// Every response that the document describes is provoked and validated, or is
// listed here as an exception with its reason.
package openapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// amendments are where the document contradicts itself or the service, and what
// is validated instead.
var amendments = []struct {
	reason string
	amend  func(*openapi3.T)
}{
	{
		"groupInfo.files is an array of which allOf demands that it be an object, which nothing can be; by its description and its example the demand is on the items, and an item is null where the file was removed",
		func(document *openapi3.T) {
			files := document.Components.Schemas["groupInfo"].Value.Properties["files"].Value
			item := openapi3.NewSchema()
			item.AllOf, item.Nullable = files.AllOf, true
			files.AllOf, files.Items = nil, item.NewRef()
		},
	},
	{
		"image_info may not be null, though not every file is an image; the service returns null for those, as the clients' types say",
		func(document *openapi3.T) {
			properties := document.Components.Schemas["fileUploadInfo"].Value.Properties
			nullable := *properties["image_info"].Value
			nullable.Nullable = true
			properties["image_info"] = nullable.NewRef()
		},
	},
}

// unprovoked are the documented refusals that the sandbox never gives, by their
// texts, and why. A key that begins with an endpoint is for that one alone.
var unprovoked = map[string]string{
	"Autostore is disabled.":                        "the sandbox's one project allows it",
	"Project <PUB-KEY> is marked as removed.":       "the sandbox's one project exists",
	"Account has been blocked.":                     "the sandbox knows no accounts",
	"Account has been blocked for non payment.":     "the sandbox knows no accounts",
	"Upload failed.":                                "not said when it happens; the sandbox returns 500 where its disk fails",
	"File is too large.":                            "the sandbox bounds requests, which come with 413, and the storage",
	"Uploading of these file types is not allowed.": "the sandbox takes all",
	"The file is infected by <VIRUS-NAME> virus.":   "the sandbox looks for none",
	"SVG validation failed: <REASON>.":              "the sandbox does not read SVG",
	"SVG contains malicious content: <REASON>.":     "the sandbox does not read SVG",
	"Source is blacklisted.":                        "the sandbox has no such list",
	"Uploaded size is more than expected.":          "the sandbox refuses the part, since it writes parts to their places",
	"Can not complete upload. Wrong parts size?":    "the sandbox refuses the part, since it writes parts to their places",
	"/from_url/ Account has reached its limits.":    "the size is not known then; /from_url/status/ reports it",
	"Value of file metadata key `<KEY>` contains symbols not allowed by the metadata value format.": "the format is not documented",
}

// beyond is what the service does and the document leaves out or has otherwise,
// so that there is nothing to validate by.
var beyond = []string{
	"405 MethodNotAllowedError is in its table of errors and on no endpoint",
	"`jsonerrors`, which turns refusals into an envelope with status 200; the introduction has all errors as JSON, the responses and the service have text",
	"GET on /from_url/, which the service and the jQuery widget know",
	"/iframe/, which the jQuery widget knows",
	"urlencoded bodies and query strings, which most clients send somewhere",
	"GroupFilesInvalidError and GroupFileURLParsingFailedError, whose texts are exchanged between its table and its schemas; only the texts are sent, and both are there",
}

func loadDocument(t *testing.T) *openapi3.T {
	t.Helper()
	openapi3.DefineStringFormatValidator("uuid", openapi3.NewCallbackValidator(func(text string) error { _, err := uuid.Parse(text); return err }))
	openapi3.DefineStringFormatValidator("uri", openapi3.NewCallbackValidator(func(text string) error { _, err := url.Parse(text); return err }))
	openapi3.DefineStringFormatValidator("date-time", openapi3.NewCallbackValidator(func(text string) error { _, err := time.Parse(time.RFC3339, text); return err }))
	document, err := openapi3.NewLoader().LoadFromFile(environment(t, "OPENAPI"))
	if err != nil {
		t.Fatal(err)
	}
	for _, amendment := range amendments {
		amendment.amend(document)
	}
	return document
}

// The document must still be in need of each amendment.
func TestAmendmentsAreNeeded(t *testing.T) {
	loadDocument(t) // for the formats
	document, err := openapi3.NewLoader().LoadFromFile(environment(t, "OPENAPI"))
	if err != nil {
		t.Fatal(err)
	}
	validate := func(schema string, value string) error {
		var decoded any
		if err := json.Unmarshal([]byte(value), &decoded); err != nil {
			t.Fatal(err)
		}
		return document.Components.Schemas[schema].Value.VisitJSON(decoded)
	}
	for i, still := range []func() error{
		func() error { return validate("groupInfo", `{"files":[]}`) },
		func() error {
			return validate("fileUploadInfo", `{"uuid":"575ed4e8-f4e8-4c14-a58b-1527b6d9ee46","file_id":"575ed4e8-f4e8-4c14-a58b-1527b6d9ee46",
				"size":1,"total":1,"done":1,"original_filename":"a","filename":"a","mime_type":"text/plain","image_info":null,"video_info":null,
				"content_info":null,"metadata":null,"is_image":false,"is_stored":false,"is_ready":true}`)
		},
	} {
		if still() == nil {
			t.Errorf("the document has no need any more of amendment %d: %s", i, amendments[i].reason)
		}
	}
}

// refusals returns the texts of a documented refusal.
func refusals(schema *openapi3.Schema) []string {
	if text, ok := schema.Default.(string); ok {
		return []string{text}
	}
	var texts []string
	for _, choice := range schema.AnyOf {
		texts = append(texts, refusals(choice.Value)...)
	}
	return texts
}

var placeholder = regexp.MustCompile(`<[A-Z-]+>|%s`)

// matches reports whether a response is what the document has with placeholders.
func matches(documented, response string) bool {
	pattern := "^"
	for i, literal := range placeholder.Split(documented, -1) {
		if i > 0 {
			pattern += ".+"
		}
		pattern += regexp.QuoteMeta(literal)
	}
	return regexp.MustCompile(pattern + "$").MatchString(response)
}

// literalLength returns how much of a text is no placeholder.
func literalLength(documented string) int {
	return len(placeholder.ReplaceAllString(documented, ""))
}

// properties returns the names of an object's properties in a schema.
func properties(schema *openapi3.Schema) map[string]bool {
	names := make(map[string]bool)
	for name := range schema.Properties {
		names[name] = true
	}
	for _, part := range schema.AllOf {
		for name := range properties(part.Value) {
			names[name] = true
		}
	}
	return names
}

// optional are properties that are documented for some projects only.
var optional = map[string]bool{"s3_bucket": true}

// checkSchema validates a value against one schema, where the document allows
// any of several that demand next to nothing: every documented property has to
// be there, and no other.
func checkSchema(document *openapi3.T, name string, body []byte) error {
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	schema := document.Components.Schemas[name].Value
	documented := properties(schema)
	for property := range documented {
		if _, ok := value[property]; !ok && !optional[property] {
			return fmt.Errorf("%s lacks %s", name, property)
		}
	}
	for property := range value {
		if !documented[property] {
			return fmt.Errorf("%s has no %s", name, property)
		}
	}
	return schema.VisitJSON(value, openapi3.EnableFormatValidation(), openapi3.VisitAsResponse())
}

func validateDocument(document *openapi3.T) error {
	return document.Validate(context.Background(), openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
}
