// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// readPart returns what an observer is shown of a header.
func readPart(header string) Part {
	p := parseHeader([]byte(header))
	o := new(observed)
	o.read(&p, []byte(header))
	return o.Part
}

const (
	fileStart = `Content-Disposition: form-data; name="file"; `
	jpeg      = "\r\nContent-Type: image/jpeg"
)

// What real clients write: nothing is doubtful.
func TestPartsOfRealClients(t *testing.T) {
	for header, want := range map[string]Part{
		`Content-Disposition: form-data; name="a"`:                                                                                 {},
		fileStart + `filename="cat (1).jpg"` + jpeg:                                                                                {File: true, FileNames: []string{"cat (1).jpg"}, Types: []string{"image/jpeg"}},
		fileStart + `filename="кот.jpg"` + "\r\nContent-Type: Image/X-Own":                                                         {File: true, FileNames: []string{"кот.jpg"}, Types: []string{"image/x-own"}},
		fileStart + `filename=""` + "\r\nContent-Type: application/octet-stream":                                                   {File: true, Types: []string{"application/octet-stream"}},
		fileStart + `filename=""`:                                                                                                  {File: true},
		fileStart + `filename="a"`:                                                                                                 {File: true, FileNames: []string{"a"}},
		"Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=a":                                         {},
		`Content-Disposition: form-data; name=a; filename=""; x=y`:                                                                 {File: true},
		fileStart + `filename="a.bin"` + "\r\nContent-Type: null":                                                                  {File: true, FileNames: []string{"a.bin"}, Types: []string{"null"}},
		fileStart + `filename="a.bin"` + "\r\nContent-Type: ":                                                                      {File: true, FileNames: []string{"a.bin"}},
		"Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=ISO-8859-1":                               {File: true, Types: []string{"text/plain"}},
		"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: 8bit":                                                {},
		"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: BASE64":                                              {Encoded: true},
		"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable":                                    {Encoded: true},
		"Content-Disposition: form-data; name=a\r\nContent-Encoding: base64":                                                       {Encoded: true},
		"Content-Disposition: form-data; name=a\r\nContent-Encoding: quoted-printable":                                             {Encoded: true},
		fileStart + `filename="a.bin"` + "\r\nX Note: y":                                                                           {File: true, FileNames: []string{"a.bin"}},
		"Content-Disposition: form-data; name=a\r\nContent-Encoding: br":                                                           {Encoded: true},
		fileStart + `filename="a.bin"; x=y` + "\r\nContent-Type: ":                                                                 {File: true, FileNames: []string{"a.bin"}},
		fileStart + `filename="a.bin"` + "\r\nX-Source: file name":                                                                 {File: true, FileNames: []string{"a.bin"}},
		"Content-Disposition: form-data; name=a\r\nContent-Encoding: gzip":                                                         {Encoded: true},
		"Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=utf-16":                                       {File: true, Types: []string{"text/plain"}, Encoded: true},
		"Content-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=b":                                      {File: true, Types: []string{"multipart/mixed"}, Nested: true, Multipart: true},
		"Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; x=multipart/mixed; boundary=b":                        {File: true, Types: []string{"text/plain"}, Nested: true, Multipart: true},
		"Content-Disposition: form-data; name=a\r\nContent-Type: application/x-www-form-urlencoded; x=multipart/mixed; boundary=b": {File: true, Types: []string{"application/x-www-form-urlencoded"}, Nested: true, Multipart: true},
		"Content-Disposition: form-data; name=a\r\nContent-Type: Multipart/Mixed":                                                  {File: true, Types: []string{"multipart/mixed"}, Nested: true, Multipart: true},
		"Content-Disposition: form-data; name=a\r\nContent-Type: application/x-www-form-urlencoded":                                {File: true, Types: []string{"application/x-www-form-urlencoded"}, Nested: true},
		"Content-Disposition:form-data;name=\"file\";filename=\"a.bin\"":                                                           {File: true, FileNames: []string{"a.bin"}},
		"Content-Disposition: form-data; name=\"file\"; \r\n filename=\"a b.bin\"" + jpeg:                                          {File: true, FileNames: []string{"a b.bin"}, Types: []string{"image/jpeg"}},
		"content-disposition: form-data; filename=\"x.png\"; name=\"file\"\r\nContent-Length: 12":                                  {File: true, FileNames: []string{"x.png"}},
		"Content-Disposition: form-data; name=file; filename=my photo.png":                                                         {File: true, FileNames: []string{"my photo.png", "my"}},
		fileStart + `filename="x.png"; filename*="utf-8''x.png"`:                                                                   {File: true, FileNames: []string{"x.png", "utf-8''x.png"}},
		fileStart + `filename*=utf-8''H%C3%A9llo%20w.png`:                                                                          {File: true, FileNames: []string{"utf-8''H%C3%A9llo%20w.png", "utf-8''Héllo w.png", "H%C3%A9llo%20w.png", "Héllo w.png"}},
		fileStart + `filename="C:\fakepath\photo 1.jpg"` + jpeg:                                                                    {File: true, FileNames: []string{`C:\fakepath\photo 1.jpg`, "photo 1.jpg", "C:fakepathphoto 1.jpg"}, Types: []string{"image/jpeg"}},
		fileStart + `filename="a%22b.jpg"` + jpeg:                                                                                  {File: true, FileNames: []string{"a%22b.jpg", `a"b.jpg`}, Types: []string{"image/jpeg"}},
		fileStart + `filename="&#1082;.jpg"` + jpeg:                                                                                {File: true, FileNames: []string{"&#1082;.jpg", "к.jpg", "&#1082", "к"}, Types: []string{"image/jpeg"}},
		fileStart + `filename="name=signature=.png"` + jpeg:                                                                        {File: true, FileNames: []string{"name=signature=.png"}, Types: []string{"image/jpeg"}},
		fileStart + `filename="my filename.png"` + "\r\nContent-Type: image/png; name=\"b.png\"":                                   {File: true, FileNames: []string{"my filename.png", "b.png"}, Types: []string{"image/png"}},
		fileStart + "filename=\"\x95\\\x8e\xa6.txt\"" + jpeg:                                                                       {File: true, FileNames: []string{"\x95\\\x8e\xa6.txt", "\x8e\xa6.txt", "\x95\x8e\xa6.txt"}, Types: []string{"image/jpeg"}},
		fileStart + "filename=\"quarterly\x0breport.pdf\"" + jpeg:                                                                  {File: true, FileNames: []string{"quarterly\x0breport.pdf", "quarterly", "quarterlyreport.pdf"}, Types: []string{"image/jpeg"}},
		fileStart + "filename=\"cat.jpg\"\r\n" + fileStart + "filename=\"cat.jpg\"" + jpeg:                                         {File: true, FileNames: []string{"cat.jpg"}, Types: []string{"image/jpeg"}},
		fileStart + `filename="a.jpg"` + "\r\nContent-Type: image/png\r\nContent-Type: image/jpeg; x=y":                            {File: true, FileNames: []string{"a.jpg"}, Types: []string{"image/png", "image/jpeg"}},
		fileStart + "filename=\"" + strings.Repeat("b", 9<<10) + "\"" + jpeg:                                                       {File: true, FileNames: []string{strings.Repeat("b", 9<<10)}, Types: []string{"image/jpeg"}},
	} {
		got := readPart(header)
		got.Name = nil
		if want.FileNames == nil {
			want.FileNames = []string{}
		}
		if want.Types == nil {
			want.Types = []string{}
		}
		if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Errorf("%.200q:\n got %+q %+v\nwant %+q %+v", header, got.FileNames, got, want.FileNames, want)
		}
	}
}

// Invariant 11: the file name and the type that any server reads are known, or it is
// known that they are not.
func TestInvariant11NoFileNameEscapes(t *testing.T) {
	for header, names := range map[string][]string{
		"x=y\r\nX: y; filename=b.exe":                                    {"b.exe"},
		`filename=a.e"x"e`:                                               {"a.exe"},
		`filename='a\';b.exe'`:                                           {`a\';b.exe`},
		`filename=\"b.exe\"`:                                             {"b.exe"},
		`filename*="'en'b.exe"`:                                          {"b.exe"},
		"filename=\"\x00b.exe\"":                                         {"b.exe"},
		"filename=\"b.exe\t\"":                                           {"b.exe"},
		`filename="a.jpg"; filename="b.exe"`:                             {"a.jpg", "b.exe"},
		`filename="b.exe"; filename="a.jpg"`:                             {"a.jpg", "b.exe"},
		`filename="a.jpg"; FILENAME="b.exe"`:                             {"a.jpg", "b.exe"},
		`filename="a.jpg"; filename*=utf-8''b.exe`:                       {"a.jpg", "b.exe"},
		`filename*=utf-8''b%2Eexe; filename="a.jpg"`:                     {"a.jpg", "b.exe"},
		`filename="a.jpg"; filename *=utf-8''b.exe`:                      {"a.jpg", "b.exe"},
		`filename="a.jpg\".exe"`:                                         {`a.jpg\`, `a.jpg".exe`},
		`filename="a.exe\".jpg"`:                                         {`a.exe\`, "a.exe", `a.exe".jpg`},
		`filename="a\"b.exe\\"c.jpg"`:                                    {`a"b.exe\`, `"b.exe`},
		`filename="a.jpg\\"; x=.exe`:                                     {`a.jpg\\`, `a.jpg\\"; x=.exe`},
		`filename="a"b.jpg"; x="c"d.exe"`:                                {"a", `a"b.jpg`, `a"b.jpg"; x="c"d.exe`},
		`filename="a.jpg\\"; x=".exe"`:                                   {`a.jpg\\`, `a.jpg\\"; x=`},
		`filename="a.jpg;.exe"`:                                          {"a.jpg", "a.jpg;.exe"},
		`filename="a.exe;.jpg"`:                                          {"a.exe", "a.exe;.jpg"},
		`filename=a.exe;.jpg`:                                            {"a.exe"},
		`filename='a;b.exe'`:                                             {"a", "a;b.exe"},
		`filename='a.jpg'`:                                               {"a.jpg"},
		`filename="a".exe"`:                                              {"a", `a".exe`},
		`filename="a.jpg";x=".exe"`:                                      {"a.jpg", `a.jpg";x=".exe`},
		"filename=\"a.exe\x00.jpg\"":                                     {"a.exe", "a.exe.jpg"},
		"filename=\"a.exe%00.jpg\"":                                      {"a.exe", "a.exe%00.jpg"},
		"filename=\"a.exe\x0b.jpg\"":                                     {"a.exe"},
		`filename="a.jpg/../b.exe"`:                                      {"b.exe"},
		`filename="b.exe/a.jpg"`:                                         {"a.jpg"},
		`filename="b.exe/"`:                                              {"b.exe"},
		`filename="\b\.exe"`:                                             {"b.exe"},
		`filename="a.jpg\b.exe"`:                                         {`a.jpg\b.exe`, "b.exe", "a.jpgb.exe"},
		`filename="a.jpg%2Fb.exe"`:                                       {"b.exe"},
		`filename="a%2Eexe"`:                                             {"a.exe"},
		`filename="a.jpg%u002eexe"`:                                      {"a.jpg.exe"},
		`filename="a.%exe"`:                                              {"a.exe"},
		`filename="a&#46;exe"`:                                           {"a.exe"},
		`filename="=?utf-8?B?Yi5leGU=?="`:                                {"b.exe"},
		`filename="=?utf-8?q?b=2Eexe?="`:                                 {"b.exe"},
		`filename="a.jpg;filename=b.exe;.jpg"`:                           {"b.exe"},
		`filename="a.jpg\"; filename=\"b.exe"`:                           {`a.jpg\`, `b.exe`},
		`filename="a.jpg" filename="b.exe"`:                              {"a.jpg", "b.exe"},
		"filename=\"a.jpg\"\r\nX: filename=b.exe":                        {"a.jpg", "b.exe"},
		"filename=\"a.jpg\"\r\n" + fileStart + "filename=\"b.exe\"":      {"a.jpg", "b.exe"},
		"filename=\"a.jpg\"\r\nContent-Type: image/jpeg; name=\"b.exe\"": {"a.jpg", "b.exe"},
		"filename=\"a.jpg\"\r\nContent-Type: image/jpeg; x=\";name*=utf-8''b.exe": {"a.jpg", "b.exe"},
	} {
		part := readPart(fileStart + header)
		for _, name := range names {
			if !slices.Contains(part.FileNames, name) && !part.Doubtful {
				t.Errorf("%q: %q is not in %q", header, name, part.FileNames)
			}
		}
		if !part.File {
			t.Errorf("%q is no file", header)
		}
	}
}

func TestInvariant11NoTypeEscapes(t *testing.T) {
	for lines, want := range map[string][]string{
		"Content-Type: image/png\r\nContent-Type: text/html":            {"image/png", "text/html"},
		"content-type: IMAGE/PNG\r\nCONTENT-TYPE : text/html":           {"image/png", "text/html"},
		"Content-Type: image/png\r\nContent-Type\t: text/html":          {"image/png", "text/html"},
		"Content-Type: image/png, text/html":                            {"image/png", "text/html"},
		"Content-Type: image/png; a=b, text/html; c=d":                  {"image/png", "text/html"},
		"Content-Type: image/png; a=b,\ttext/html":                      {"image/png", "text/html"},
		"Content-Type: image/png;\r\n text/html; a=b":                   {"image/png", "text/html"},
		"Content-Type:image/png;text/html":                              {"image/png"},
		"Content-Type: image/png\r\nX: y\r\nContent-Type: a/b;c":        {"image/png", "a/b"},
		"Content-Type: image/png, IMAGE/PNG\r\nContent-Type: image/png": {"image/png"},

		"Content-Type: */*":                                        {"*/*"},
		"Content-Type: .jpg":                                       {".jpg"},
		"Content-Type:\timage/png":                                 {"image/png"},
		"Content-Type: image/png;\r\n charset=x":                   {"image/png", "charset=x"},
		"Content-Type: image/png\r\nX-Description: text/html; b=c": {"image/png"},
	} {
		part := readPart(fileStart + "filename=\"a.png\"\r\n" + lines)
		if !slices.Equal(part.Types, want) || part.Doubtful {
			t.Errorf("%q: got %q, doubtful: %t; want %q", lines, part.Types, part.Doubtful, want)
		}
	}
}

func TestInvariant11WhatCannotBeReadIsDoubtful(t *testing.T) {
	keys, cuts := "", ""
	for i := range maxFileNames {
		keys += fmt.Sprintf("; filename=%d.jpg", i)
		if i < maxFileNameKeys {
			cuts += fmt.Sprintf(`; filename="%d%%41/a\b;c"`, i)
		}
	}
	const named = fileStart + `filename="a.jpg"`
	for name, header := range map[string]string{
		"a key with a blank":             named + `; file name="b.exe"`,
		"a key in quotes":                named + `; "filename"="b.exe"`,
		"a key that ends so":             named + `; x-filename="b.exe"`,
		"a key that begins so":           named + `; filename1="b.exe"`,
		"a key with a foreign blank":     named + "; \u00a0filename=\"b.exe\"",
		"a key with a NUL":               named + "; file\x00name=\"b.exe\"",
		"a key over two lines":           named + "; file\r\n name=\"b.exe\"",
		"an encoded key":                 named + `; %66ilename="b.exe"`,
		"an encoded equals sign":         named + `; filename%3Db.exe`,
		"a key far from its sign":        named + "; x filename" + strings.Repeat("\t", 100) + "=b.exe",
		"a file name in pieces":          fileStart + `filename*0="b."; filename*1="exe"`,
		"encoded pieces":                 fileStart + `filename*0*=utf-8''b%2E; filename*1=exe`,
		"a name without its charset":     fileStart + `filename*=b.exe`,
		"a key alone":                    fileStart + `filename*`,
		"a plain key alone":              fileStart + "filename\r\nContent-Type: text/plain",
		"a plain key before another":     fileStart + `FileName ;a=b`,
		"a key of a piece alone":         fileStart + `FileName*0` + "\r\nContent-Type: text/plain",
		"a key alone before another":     fileStart + `filename*1* ; a=b`,
		"an equals sign too many":        fileStart + `filename==b.exe`,
		"two dispositions":               named + "\r\nContent-Disposition: b.exe",
		"two equal ones of another kind": strings.Repeat("Content-Disposition: b.exe; name=\"file\"; filename=\"a.jpg\"\r\n", 2) + "X: y",
		"two equal ones of no name":      strings.Repeat(fileStart+"filename=\"\"\r\n", 2) + "X: y",
		"two equal ones with a quote":    strings.Repeat(fileStart+"filename=\"a\"b.jpg\"\r\n", 2) + "X: y",
		"a type behind an empty one":     named + "\r\nContent-Type: ; text/html",
		"many file names":                named + keys,
		"a long one behind a semicolon":  fileStart + "filename=a;" + strings.Repeat("b", maxFileName) + ".exe",
		"many readings":                  fileStart + "x=y" + cuts,
		"a long one with escapes":        fileStart + `filename="` + strings.Repeat("%41", maxFileName/2) + `"`,
		"a name over two lines":          fileStart + "filename=\"a.jpg\r\n .exe\"",
		"an unquoted one over two lines": fileStart + "filename=a.jpg\r\n .exe",
		"a charset that hides ASCII":     fileStart + "filename*=utf-7''a.jpg",
		"bare LF":                        fileStart + "filename=\"a.jpg\n\"; filename=\"b.exe\"",
		"bare CR":                        fileStart + "filename=\"a.jpg\"\rContent-Type: text/html",
		"a header that bare LF end":      named + "\n\nMZ",
		"a vertical tab":                 named + "\x0bContent-Type: text/html" + jpeg,
		"a folded type":                  named + "\r\nContent-Type: image/jpeg\r\n text/html",
		"a folded type at once":          named + "\r\nContent-Type:\r\n text/html",
		"two words as a type":            named + "\r\nContent-Type: image/jpeg text/html",
		"a quoted type":                  named + "\r\nContent-Type: \"image/jpeg\"",
		"a comment in a type":            named + "\r\nContent-Type: image/(text/html)jpeg",
		"an encoded type":                named + "\r\nContent-Type: =?utf-8?q?image/jpeg?=",
		"a NUL in a type":                named + "\r\nContent-Type: image/jpeg\x00text/html",
		"a type in a folded line":        named + "\r\nX: y\r\n Content-Type: text/html" + jpeg,
		"a file name in such a line":     named + jpeg + "\r\nX: y\r\n z; filename",
		"a disposition in such a line":   named + "\r\nContent-Type: image/jpeg;\r\n Content-Disposition: form-data; filename=b.exe",
		"a type in a line of its own":    named + "\r\n Content-Type: text/html" + jpeg,
		"a type without a colon":         named + "\r\nContent-Type text/html" + jpeg,
		"a line without a colon":         named + jpeg + "\r\ntext/html",
		"another spelling of a type":     named + "\r\nContent_Type: text/html" + jpeg,
		"a type with a NUL in its name":  named + "\r\nContent-Type\x00: text/html" + jpeg,
		"a BOM before the first line":    "\ufeff" + named + jpeg,
		"a blank before the first line":  " " + named + jpeg,
		"another disposition":            "X-Content-Disposition: form-data; filename=b.exe\r\n" + named + jpeg,
		"a file name in an unnamed line": named + jpeg + "\r\n\x01: x; filename",
		"many types":                     named + strings.Repeat("\r\nContent-Type: a/b", 1) + "\r\nContent-Type: " + strings.Join(numbered(maxFileNames+1), ","),
	} {
		if part := readPart(header); !part.Doubtful || !part.File {
			t.Errorf("%s: %.300q is read as %+q of types %q, file: %t", name, header, part.FileNames, part.Types, part.File)
		}
	}
}

func numbered(count int) (types []string) {
	for i := range count {
		types = append(types, fmt.Sprintf("a/%d", i))
	}
	return types
}
