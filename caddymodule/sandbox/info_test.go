// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// encoded returns an image of 3 by 2 pixels in a format.
func encoded(t *testing.T, format string, picture image.Image) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, picture)
	case "jpeg":
		err = jpeg.Encode(&b, picture, nil)
	case "gif":
		err = gif.Encode(&b, picture, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (f *fixture) infoOf(t *testing.T, id string) string {
	t.Helper()
	response := f.get(t, "/info/?pub_key="+testPublicKey+"&file_id="+id)
	if response.Code != 200 || response.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("info = %d %s", response.Code, response.Body)
	}
	return response.Body.String()
}

// wantJSON compares two JSON texts by their meaning, so that a field too many
// shows as well as one too few.
func wantJSON(t *testing.T, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if !bytes.Equal(x, y) {
		t.Errorf("got  %s\nwant %s", x, y)
	}
}

func TestInfoOfAText(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, file("file", "my-file 1.txt", "hello"),
		field("UPLOADCARE_STORE", "1"), field("metadata[pet]", "cat"), field("metadata[open", "x"))["file"]
	wantJSON(t, f.infoOf(t, id), `{
		"uuid": "`+id+`", "file_id": "`+id+`", "size": 5, "total": 5, "done": 5,
		"original_filename": "my-file 1.txt", "filename": "myfile1.txt", "mime_type": "text/plain",
		"is_image": false, "image_info": null, "video_info": null,
		"content_info": {"mime": {"mime": "text/plain", "type": "text", "subtype": "plain"}},
		"metadata": {"pet": "cat"}, "is_stored": true, "is_ready": true}`)
}

func TestInfoOfAnImage(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, file("file", "p.png", encoded(t, "png", image.NewNRGBA(image.Rect(0, 0, 3, 2)))))["file"]
	picture := `{"color_mode": "RGBA", "orientation": null, "format": "PNG", "height": 2, "width": 3,
		"sequence": false, "geo_location": null, "datetime_original": null, "dpi": null}`
	var response struct {
		ImageInfo   json.RawMessage `json:"image_info"`
		ContentInfo json.RawMessage `json:"content_info"`
		IsImage     bool            `json:"is_image"`
		IsStored    bool            `json:"is_stored"`
		Metadata    json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(f.infoOf(t, id)), &response); err != nil {
		t.Fatal(err)
	}
	wantJSON(t, string(response.ImageInfo), picture)
	wantJSON(t, string(response.ContentInfo),
		`{"mime": {"mime": "image/png", "type": "image", "subtype": "png"}, "image": `+picture+`}`)
	wantJSON(t, string(response.Metadata), `{}`)
	if !response.IsImage || response.IsStored {
		t.Errorf("is_image = %v and is_stored = %v, want true and false", response.IsImage, response.IsStored)
	}
}

func TestImagesByFormatAndColourMode(t *testing.T) {
	area := image.Rect(0, 0, 3, 2)
	opaque := image.NewRGBA(area)
	for i := range opaque.Pix {
		opaque.Pix[i] = 0xff
	}
	palette := image.NewPaletted(area, color.Palette{color.Black, color.White})
	whole := encoded(t, "png", opaque)
	for _, tc := range []struct{ name, content, format, mode string }{
		{"an opaque PNG", whole, "PNG", "RGB"},
		{"a PNG with alpha", encoded(t, "png", image.NewNRGBA(area)), "PNG", "RGBA"},
		{"a PNG with alpha and 16 bits", encoded(t, "png", image.NewNRGBA64(area)), "PNG", "RGBA"},
		{"a grey PNG", encoded(t, "png", image.NewGray(area)), "PNG", "L"},
		{"a grey PNG with 16 bits", encoded(t, "png", image.NewGray16(area)), "PNG", "L"},
		{"a PNG with a palette", encoded(t, "png", palette), "PNG", "P"},
		{"a JPEG", encoded(t, "jpeg", opaque), "JPEG", "RGB"},
		{"a grey JPEG", encoded(t, "jpeg", image.NewGray(area)), "JPEG", "L"},
		{"a GIF", encoded(t, "gif", palette), "GIF", "P"},
		{"a PNG that ends after its name", whole[:10], "", ""},
		{"an image that the sandbox cannot read", "RIFF\x00\x00\x00\x00WEBPVP8 ", "", ""},
		{"no image", "PNG", "", ""},
		{"nothing", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			info := new(fileInfo)
			if err := info.describe(strings.NewReader(tc.content), int64(len(tc.content)), "x", ""); err != nil {
				t.Fatal(err)
			}
			if info.IsImage != (tc.format != "") || info.IsImage != (info.ImageInfo != nil) {
				t.Fatalf("is_image = %v with image_info %v", info.IsImage, info.ImageInfo)
			}
			if info.IsImage && (info.ImageInfo.Format != tc.format || info.ImageInfo.ColorMode != tc.mode ||
				info.ImageInfo.Width != 3 || info.ImageInfo.Height != 2) {
				t.Errorf("image_info = %+v, want %s, %s, 3 by 2", info.ImageInfo, tc.format, tc.mode)
			}
		})
	}
	if got := colorMode(color.CMYKModel); got != "CMYK" {
		t.Errorf("CMYK is %s", got)
	}
}

func TestIsStored(t *testing.T) {
	for choice, want := range map[string]string{
		"1": `"is_stored":true`, "auto": `"is_stored":true`,
		"0": `"is_stored":false`, "": `"is_stored":false`, "yes": `"is_stored":false`,
	} {
		f := newFixture(t)
		id := f.accepted(t, aFile, field("UPLOADCARE_STORE", choice))["file"]
		if info := f.infoOf(t, id); !strings.Contains(info, want) {
			t.Errorf("UPLOADCARE_STORE %q: %s, want %s", choice, info, want)
		}
	}
}

func TestSanitizedNames(t *testing.T) {
	for name, want := range map[string]string{
		"plain.txt":             "plain.txt",
		"test-image_1.jpg":      "testimage_1.jpg",
		"фото é.jpg":            "фотоé.jpg",
		"../../etc/passwd":      "etcpasswd",
		`..\windows`:            "windows",
		".htaccess":             "htaccess",
		"a\r\nb\"c;d.txt":       "abcd.txt",
		"...":                   "file",
		"---":                   "file",
		"":                      "file",
		"bad\xffutf8\u202e.gpj": "badutf8.gpj",
	} {
		if got := sanitize(name); got != want {
			t.Errorf("sanitize(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestRefusalsOfInfo(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, aFile)["file"]
	const unknown = "0b1c3a5e-6f0d-4c8e-9a1b-2c3d4e5f6071"
	for _, tc := range []struct {
		name, query string
		want        *uploadapi.Error
	}{
		{"nothing", "", refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required.")},
		{"an empty key", "pub_key=&file_id=" + id, refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required.")},
		{"the key's other name", "UPLOADCARE_PUB_KEY=" + testPublicKey, refusal(403, "ProjectPublicKeyRequiredError", "pub_key is required.")},
		{"an unknown key", "pub_key=other&file_id=" + id, refusal(403, "ProjectPublicKeyInvalidError", "pub_key is invalid.")},
		{"no file_id", "pub_key=" + testPublicKey, uploadapi.ErrFileIDRequired},
		{"an empty file_id", "pub_key=" + testPublicKey + "&file_id=", uploadapi.ErrFileIDRequired},
		{"a file_id that is no uuid", "pub_key=" + testPublicKey + "&file_id=nope", uploadapi.ErrFileIDInvalid},
		{"a uuid in upper case", "pub_key=" + testPublicKey + "&file_id=" + strings.ToUpper(unknown), uploadapi.ErrFileIDInvalid},
		{"a uuid in braces", "pub_key=" + testPublicKey + "&file_id={" + id + "}", uploadapi.ErrFileIDInvalid},
		{"a uuid without hyphens", "pub_key=" + testPublicKey + "&file_id=" + strings.ReplaceAll(id, "-", ""), uploadapi.ErrFileIDInvalid},
		{"a path", "pub_key=" + testPublicKey + "&file_id=../" + id, uploadapi.ErrFileIDInvalid},
		{"a file that is not there", "pub_key=" + testPublicKey + "&file_id=" + unknown, refusal(404, "FileNotFoundError", "File is not found.")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantRefusal(t, f.get(t, "/info/?"+tc.query), tc.want)
			wantEnvelope(t, f.get(t, "/info/?jsonerrors=1&"+tc.query), tc.want)
		})
	}
}
