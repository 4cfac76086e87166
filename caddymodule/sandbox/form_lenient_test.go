// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What follows is what clients send and most servers read, beside what the
// grammars allow.

// stored uploads a form of whatever kind and returns what is known of its file.
func (f *fixture) stored(t *testing.T, response *httptest.ResponseRecorder, content string) *fileInfo {
	t.Helper()
	ids := uuidsOf(t, response)
	id := ids["file"]
	if got := f.get(t, "/"+id+"/"); len(ids) != 1 || got.Code != 200 || got.Body.String() != content {
		t.Fatalf("stored %v: %d %q, want %q", ids, got.Code, got.Body, content)
	}
	info, err := f.store(t).readInfo(id)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestContentTypesThatAreAForm(t *testing.T) {
	for _, tc := range []struct {
		boundary string
		types    []string // % is the boundary
	}{
		{"AaB03x", []string{"multipart/form-data; boundary=%"}},
		{"AaB03x", []string{"multipart/form-data;boundary=%"}},
		{"AaB03x", []string{`Multipart/Form-Data; charset=utf-8; Boundary="%"`}},
		{"AaB03x", []string{"MULTIPART/FORM-DATA; BOUNDARY=%"}},
		{"AaB03x", []string{"multipart/form-data; boundary=%; "}},
		{"AaB03x", []string{"multipart/form-data; charset=UTF-8   ;    boundary=%    "}},
		{"AaB03x", []string{"multipart/form-data, boundary=%"}},
		{"AaB03x", []string{"multipart/form-data boundary=%"}},
		{"AaB03x", []string{`multipart/form-data; boundary=%; type="text/plain"`}},
		{"AaB03x", []string{"multipart/form-data; ; =x; boundary=%; charset=windows-31j; utf-8"}},
		{"AaB03x", []string{"multipart/form-data; charset=ANSI_X3.4-1968; boundary = %"}},
		{"AaB03x", []string{"multipart/form-data; boundary=%; boundary=%"}},
		{"AaB03x", []string{"multipart/form-data; boundary=%", "multipart/form-data; boundary=%"}},
		{"*****", []string{"multipart/form-data; boundary=%", `multipart/form-data; boundary="%"`}},
		{"===1656457491496===", []string{"multipart/form-data; boundary=%"}},
		{"------------ThIs_Is_tHe_bouNdaRY_$", []string{"multipart/form-data; boundary=%"}},
		{"gc0pJq0M:08jU534c0p", []string{"multipart/form-data; boundary=%"}},
		{"--dioBoundary&Happycoding-3871263810", []string{"multipart/form-data; boundary=%"}},
		{"FormBoundaryA/b+Zk3QpX0s?", []string{"multipart/form-data; boundary=%"}},
		{"yradnuoB=_0.host.example", []string{"multipart/form-data; boundary=%"}},
		{"boundary_.oOo._MTg==MTc3==boundary=", []string{`multipart/form-data; boundary="%"`}},
		{"a b, c;d", []string{`multipart/form-data; boundary="%"; charset=utf-8`}},
		{"a b c", []string{"multipart/form-data; boundary=%"}},
		{strings.Repeat("-", 29) + strings.Repeat("5", 55), []string{"multipart/form-data; boundary=%"}},
		{strings.Repeat("b", maxBoundaryLength), []string{"multipart/form-data; boundary=%"}},
	} {
		for _, contentType := range tc.types {
			t.Run(strings.ReplaceAll(contentType, "%", tc.boundary), func(t *testing.T) {
				f := newFixture(t)
				r := uploadRequest("/base/", strings.ReplaceAll(formOf(append(signed(), aFile)...), testBoundary, tc.boundary))
				r.Header.Set("Content-Type", strings.ReplaceAll(contentType, "%", tc.boundary))
				f.stored(t, f.do(t, r), "hello")
			})
		}
	}
	t.Run("the header twice", func(t *testing.T) {
		f := newFixture(t)
		r := uploadRequest("/base/", formOf(append(signed(), aFile)...))
		r.Header.Add("Content-Type", r.Header.Get("Content-Type"))
		r.Header.Set("Content-Encoding", "UTF-8") // a charset where a coding belongs
		f.stored(t, f.do(t, r), "hello")
	})
}

func TestFileNamesAsClientsWriteThem(t *testing.T) {
	for _, tc := range []struct{ disposition, want string }{
		// Quotes with and without escapes.
		{`form-data; name="file"; filename="we"ird.txt"`, `we"ird.txt`},
		{`form-data; name="file"; filename="a"b"c".txt"`, `a"b"c".txt`},
		{`form-data; name="file"; filename=""quoted""`, `"quoted"`},
		{`form-data; name="file"; filename="we\"ird.txt"`, `we"ird.txt`},
		{`form-data; name="file"; filename="b'e\";e.JPG"`, `b'e";e.JPG`},
		{`form-data; name="file"; filename="we%22ird.txt"`, `we%22ird.txt`},
		{`form-data; name="file"; filename="no end`, `no end`},
		// Backslashes, alone or as half a letter.
		{`form-data; name="file"; filename="report\"`, `report\`},
		{`form-data; name="file"; filename="a\b.txt"`, `a\b.txt`},
		{`form-data; name="file"; filename="a\\b.txt"`, `a\b.txt`},
		{`form-data; name="file"; filename="end\\"`, `end\`},
		{`form-data; name="file"; filename="C:\fakepath\photo 1.jpg"`, "photo 1.jpg"},
		{`form-data; name="file"; filename="C:\dir\"`, `C:\dir\`},
		{`form-data; name="file"; filename="\\server\share\x.txt"`, "x.txt"},
		{"form-data; name=\"file\"; filename=\"\x95\\\"", "\ufffd\\"},
		{"form-data; name=\"file\"; filename=\"\x95\\\x8e\xa6.txt\"", "\ufffd\\\ufffd.txt"},
		{`form-data; name="file"; filename="dir/photo.jpg"`, "photo.jpg"},
		// What looks like structure.
		{`form-data; name="file"; filename="; filename=x; name=y.txt"`, "; filename=x; name=y.txt"},
		{`form-data; name="file"; filename="name=signature.png"`, "name=signature.png"},
		{`form-data; name="file"; filename="a;b,c=d.txt"`, "a;b,c=d.txt"},
		// Control characters and bytes that are no UTF-8.
		{"form-data; name=\"file\"; filename=\"quarterly\x0breport.pdf\"", "quarterly\vreport.pdf"},
		{"form-data; name=\"file\"; filename=\"del\x7f\x01.txt\"", "del\x7f\x01.txt"},
		{"form-data; name=\"file\"; filename=\"\x1b$B%F%9%H\x1b(B.txt\"", "\x1b$B%F%9%H\x1b(B.txt"},
		{"form-data; name=\"file\"; filename=\"Gr\xfcn.jpg\"", "Gr\ufffdn.jpg"},
		{`form-data; name="file"; filename="💫.txt"`, "💫.txt"},
		{`form-data; name="file"; filename="` + strings.Repeat("a", 9000) + `"`, strings.Repeat("a", 9000)},
		// Ways to write the parameters.
		{`form-data;name="file";filename="a.bin"`, "a.bin"},
		{`form-data; filename="a.bin"; name="file"`, "a.bin"},
		{`form-data; name=file; filename=my photo.png`, "my photo.png"},
		{`form-data; name = "file" ; filename = "a.bin" ;`, "a.bin"},
		{`FORM-DATA; NAME="file"; FileName="a.bin"`, "a.bin"},
		{"form-data; name=\"file\"; \r\n filename=\"data taken from.bin\"", "data taken from.bin"},
		{"form-data;\r\n\tname=\"file\";\r\n\t filename=\"a.bin\"", "a.bin"},
		{`form-data; name="file"; attachment; filename="a.bin"; size=5; x="y"`, "a.bin"},
		{`form-data; name="file"; filename="a.bin"; filename="b.bin"`, "a.bin"},
		{"form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"", "a.bin"},
		// Names in two spellings.
		{`form-data; name="file"; filename*=utf-8''H%C3%A9llo%20w.png`, "Héllo w.png"},
		{`form-data; name=file; filename=x.png; filename*=UTF-8'en'%D1%84.png`, "ф.png"},
		{`form-data; name="file"; filename="x.png"; filename*="utf-8''x%22.png"`, `x".png`},
		{`form-data; name="file"; filename*="utf-8''%zz.png"`, "utf-8''%zz.png"},
		{`form-data; name="file"; filename="x.png"; filename*0=y; filename*1=z`, "x.png"},
		{`form-data; name*=utf-8''file; filename="x.png"`, "x.png"},
	} {
		t.Run(tc.disposition, func(t *testing.T) {
			f := newFixture(t)
			part := "Content-Disposition: " + tc.disposition + "\r\nContent-Type: text/x-test\r\n\r\nhello"
			info := f.stored(t, f.upload(t, append(signed(), part)...), "hello")
			if info.OriginalFilename != tc.want || info.MIMEType != "text/x-test" {
				t.Errorf("the file is called %q, %s, want %q", info.OriginalFilename, info.MIMEType, tc.want)
			}
		})
	}
}

func TestPartsAsClientsWriteThem(t *testing.T) {
	content := "-----END KEY-----\r\n--\r\n"
	manyLines := strings.Repeat("X-Header: value\r\n", 100)
	for name, parts := range map[string][]string{
		"names in lower case, lengths, another order":   {"content-length: 25\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + content},
		"names in capitals, no blank behind the colon":  {"CONTENT-DISPOSITION:form-data;name=file;filename=a\r\n\r\n" + content},
		"a blank before the colon":                      {"Content-Disposition : form-data; name=file; filename=a\r\n\r\n" + content},
		"a transfer encoding that is none":              {"Content-Disposition: form-data; name=file; filename=a\r\nContent-Transfer-Encoding: utf-8\r\n\r\n" + content},
		"a header of a hundred lines":                   {manyLines + "Content-Disposition: form-data; name=file; filename=a\r\n\r\n" + content},
		"a header of 60 KiB":                            {"X-Long: " + strings.Repeat("x", 60<<10) + "\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + content},
		"a part without a name":                         {file("file", "a", content), "Content-Disposition: form-data\r\n\r\nx"},
		"a part with an empty name":                     {file("file", "a", content), field("", "x")},
		"a part without a disposition":                  {file("file", "a", content), "Content-Type: text/plain\r\n\r\nx"},
		"a part without a header":                       {file("file", "a", content), "\r\nx"},
		"an empty field for a file that was not picked": {file("file", "a", content), "Content-Disposition: form-data; name=\"other\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n"},
		"a nested type on a field":                      {file("file", "a", content), "Content-Disposition: form-data; name=b\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n1"},
		"an encoded word as a name":                     {field("=?UTF-8?B?w6RiYw==?=", "v"), file("file", "a", content)},
		"a charset field":                               {field("_charset_", "windows-1252"), file("file", "a", content)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.stored(t, f.upload(t, append(signed(), parts...)...), content)
		})
	}
}

func TestWhatStandsAroundTheParts(t *testing.T) {
	whole := formOf(append(signed(), aFile)...)
	open := strings.TrimSuffix(whole, "\r\n")
	blanks := strings.ReplaceAll(open, "--"+testBoundary+"\r\n", "--"+testBoundary+" \t \r\n")
	for name, body := range map[string]string{
		"a preamble":                    "This is a MIME preamble.\r\n" + whole,
		"an empty line before the form": "\r\n" + whole,
		"a long preamble":               strings.Repeat("x", 100<<10) + "\r\n" + whole,
		"blanks behind the delimiters":  blanks,
		"no line end at the end":        open,
		"two line ends at the end":      whole + "\r\n",
		"LF at the end":                 open + "\n",
		"a NUL behind the form":         whole + "\x00",
		"a NUL behind the delimiter":    open + "\x00",
		"a blank behind the delimiter":  open + " \r\n",
		"another close":                 whole + "--" + testBoundary + "--\r\n",
		"an epilogue":                   whole + strings.Repeat("e", 64<<10),
		"an epilogue on the same line":  open + "epilogue",
		"a part behind the close":       whole + formOf(field("signature", "x")),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.stored(t, f.do(t, uploadRequest("/base/", body)), "hello")
		})
	}
}

// The media type is the one that the client sent, or the one that the bytes suggest.
func TestTheTypeOfAFileIsTheClients(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n"
	for _, tc := range []struct{ content, declared, want, served string }{
		{"hello", "text/csv", "text/csv", "text/csv"},
		{"hello", "Text/CSV; charset=windows-1252; header", "text/csv", "text/csv"},
		{"hello", "text/plain", "text/plain", "text/plain; charset=utf-8"},
		{png, "image/svg+xml", "image/svg+xml", "image/svg+xml"},
		{png, `image/jpeg; name="we"ird"`, "image/jpeg", "image/jpeg"},
		{"hello", "application/vnd.ms-excel", "application/vnd.ms-excel", "application/vnd.ms-excel"},
		{png, "application/octet-stream", "image/png", "image/png"},
		{png, "APPLICATION/OCTET-STREAM; charset=binary", "image/png", "image/png"},
		{png, "binary/octet-stream", "image/png", "image/png"},
		{png, "", "image/png", "image/png"},
		{png, "null", "image/png", "image/png"},
		{png, "undefined", "image/png", "image/png"},
		{png, "image", "image/png", "image/png"},
		{png, "image/", "image/png", "image/png"},
		{png, "/jpeg", "image/png", "image/png"},
		{png, "image/*", "image/png", "image/png"},
		{png, "*/*", "image/png", "image/png"},
		{png, "image/jp\xe9g", "image/png", "image/png"},
		{png, "image/" + strings.Repeat("x", 300), "image/png", "image/png"},
		{"\x00", "null", "application/octet-stream", "application/octet-stream"},
	} {
		t.Run(tc.declared, func(t *testing.T) {
			f := newFixture(t)
			part := "Content-Disposition: form-data; name=file; filename=a.exe\r\nContent-Type: " + tc.declared + "\r\n\r\n" + tc.content
			info := f.stored(t, f.upload(t, append(signed(), part)...), tc.content)
			content := info.ContentInfo.MIME
			if info.MIMEType != tc.want || content.MIME != tc.want || content.Type+"/"+content.Subtype != tc.want {
				t.Errorf("the type is %q and %+v, want %q", info.MIMEType, content, tc.want)
			}
			if got := f.get(t, "/"+info.UUID+"/").Header().Get("Content-Type"); got != tc.served {
				t.Errorf("served as %q, want %q", got, tc.served)
			}
		})
	}
}

func TestTheTypeOfAFileInParts(t *testing.T) {
	for declared, want := range map[string]string{"video/mp4": "video/mp4", "application/octet-stream": "text/plain", "": "text/plain"} {
		t.Run(declared, func(t *testing.T) {
			f := newFixture(t)
			values := startParams(multipartMinimum)
			values.Set("content_type", declared)
			started := decode[multipartResponse](t, f.post(t, "/multipart/start/", values))
			for i, target := range started.Parts {
				_, path, _ := strings.Cut(strings.TrimPrefix(target, "http://"), "/")
				r := httptest.NewRequest("PUT", "/"+path, strings.NewReader(strings.Repeat("x", multipartMinimum/len(started.Parts))))
				if response := f.do(t, r); response.Code != 200 {
					t.Fatalf("part %d: %d %s", i, response.Code, response.Body)
				}
			}
			info := decode[fileInfo](t, f.post(t, "/multipart/complete/", pairs("UPLOADCARE_PUB_KEY", testPublicKey, "uuid", started.UUID)))
			if info.MIMEType != want {
				t.Errorf("the type is %q, want %q", info.MIMEType, want)
			}
		})
	}
}

func TestTheTypeOfAFileFromAURL(t *testing.T) {
	for declared, want := range map[string]string{"text/markdown; charset=utf-8": "text/markdown", "application/octet-stream": "text/plain"} {
		_, sandbox, from := newFetchFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", declared)
			fmt.Fprint(w, "fetched")
		})
		if got := outcome(t, sandbox, fetchAt(t, sandbox, "source_url", from)); got["mime_type"] != want {
			t.Errorf("%s: %v, want %q", declared, got, want)
		}
	}
}
