// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// upload shows one file to a judge, in pieces, and returns the verdict.
func upload(j *Judge, part *form.Part, content string, pieces int) error {
	if err := j.Begin(part); err != nil {
		return err
	}
	for piece := range slices.Chunk([]byte(content), max(1, len(content)/max(1, pieces))) {
		if err := j.Content(piece); err != nil {
			return err
		}
	}
	if err := j.End(); err != nil {
		return err
	}
	return j.Finish()
}

// file is a part as a client sends it; declared and name may be empty.
func file(declared, name string) *form.Part {
	part := &form.Part{Name: []byte("file"), File: true}
	if declared != "" {
		part.Types = []string{declared}
	}
	if name != "" {
		part.FileNames = []string{name}
	}
	return part
}

func TestTypes(t *testing.T) {
	for name, c := range map[string]struct {
		types, declared, name, content string
		allowed                        bool
	}{
		// What real clients send.
		"a browser's image":                          {"image/*", "image/jpeg", "a.jpg", "jpeg", true},
		"an SDK's, undeclared":                       {"image/*", "application/octet-stream", "a.jpg", "jpeg", true},
		"an SDK's, undeclared otherwise":             {"image/*", "binary/octet-stream", "a.jpg", "jpeg", true},
		"declared as null":                           {"image/*", "null", "a.jpg", "jpeg", true},
		"declared as image, as React Native does":    {"image/*", "image", "a.jpg", "jpeg", true},
		"declared as a wildcard":                     {"image/jpeg", "image/*", "a.jpg", "jpeg", true},
		"nothing declared":                           {"image/*", "", "a.jpg", "jpeg", true},
		"a blob without extension":                   {"image/*", "image/png", "blob", "png", true},
		"a blob by a listed extension":               {".pdf", "application/pdf", "blob", "pdf", true},
		"neither declared nor named":                 {"image/*", "", "blob", "png", true},
		"image/jpg":                                  {"image/jpeg", "image/jpg", "a.jpg", "jpeg", true},
		"image/pjpeg":                                {"image/jpeg", "image/pjpeg", "a.jpg", "jpeg", true},
		"audio/mp3":                                  {"audio/mpeg", "audio/mp3", "a.mp3", "mp3", true},
		"listed by an alias":                         {"audio/mp3", "audio/mpeg", "a.mp3", "mp3", true},
		"listed in upper case":                       {"IMAGE/PNG .PDF", "image/png", "a.PNG", "png", true},
		"csv from Windows with Office":               {".csv", "application/vnd.ms-excel", "a.csv", "csv", true},
		"csv from Windows, listed by type":           {"text/csv", "application/vnd.ms-excel", "a.csv", "csv", true},
		"csv that is sniffed as text":                {"text/csv", "text/csv", "a.csv", "text", true},
		"csv in Latin-1":                             {"text/csv", "text/csv", "a.csv", "Latin-1 text", true},
		"csv in UTF-16":                              {"text/csv", "text/csv", "a.csv", "UTF-16 text", true},
		"csv that is declared as text":               {".csv", "text/plain", "a.csv", "csv", true},
		"text that looks like csv":                   {".txt", "text/plain", "a.txt", "csv", true},
		"text that looks like JSON":                  {"text/plain", "text/plain", "a.log", "json", true},
		"zip from Windows":                           {"application/zip", "application/x-zip-compressed", "a.zip", "zip", true},
		"zip of a document":                          {".zip", "application/zip", "a.zip", "docx", true},
		"docx that is sniffed as zip":                {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", "zip", true},
		"docx that is declared as zip":               {".docx", "application/zip", "a.docx", "docx", true},
		"docx that is undeclared":                    {".docx", "", "a.docx", "docx", true},
		"doc that is sniffed as its container":       {".doc .docx", "application/msword", "a.doc", "ole", true},
		"heic":                                       {"image/heic", "image/heic", "IMG_1.HEIC", "heic", true},
		"heic with the brand of heif":                {"image/heic", "image/heic", "IMG_1.HEIC", "heif", true},
		"heic that is declared as heif":              {"image/heic", "image/heif", "IMG_1.HEIC", "heic", true},
		"avif":                                       {"image/*", "image/avif", "a.avif", "avif", true},
		"raw photo":                                  {"image/*", "image/x-sony-arw", "a.arw", "tiff", true},
		"raw photo of an unknown maker":              {"image/*", "image/x-new-raw", "a.raf", "unknown", true},
		"mov":                                        {"video/quicktime", "video/quicktime", "a.mov", "mov", true},
		"mov with the brand of mp4":                  {"video/quicktime", "video/quicktime", "a.mov", "mp4", true},
		"mp4 with the brand of QuickTime":            {"video/mp4", "video/mp4", "a.mp4", "mov", true},
		"m4v, as Chromium declares it":               {"video/mp4", "video/mp4", "a.m4v", "mp4", true},
		"opus, as Chromium declares it":              {"audio/ogg", "audio/ogg", "a.opus", "ogg", true},
		"m4a":                                        {"audio/*", "audio/x-m4a", "a.m4a", "m4a", true},
		"m4a with the brand of mp4":                  {"audio/*", "audio/mp4", "a.m4a", "mp4", true},
		"a recording of audio in WebM":               {"audio/*", "audio/webm", "blob", "webm", true},
		"a recording of audio in mp4":                {"audio/*", "audio/mp4", "recording.mp4", "mp4", true},
		"ogg":                                        {"audio/*", "audio/ogg", "a.ogg", "ogg", true},
		"svg":                                        {"image/*", "image/svg+xml", "a.svg", "svg", true},
		"svg that begins late":                       {"image/*", "image/svg+xml", "a.svg", "svg late", true},
		"svg that is declared as XML":                {".svg", "text/xml", "a.svg", "svg", true},
		"application/xml for text/xml":               {"application/xml", "text/xml", "a.xml", "xml", true},
		"text/xml by application/*":                  {"application/*", "application/xml", "a.xml", "xml", true},
		"an empty file of a name":                    {"image/*", "", "a.jpg", "empty", true},
		"an empty file of a type":                    {"image/*", "image/png", "blob", "empty", true},
		"an extension of which nothing is known":     {".proj", "application/octet-stream", "a.proj", "unknown", true},
		"of which nothing is known, in a zip":        {".proj", "", "a.proj", "zip", true},
		"of which nothing is known, in text":         {".proj", "", "a.proj", "text", true},
		"of which nothing is known, in XML":          {".proj", "", "a.proj", "xml", true},
		"of which nothing is known, with commas":     {".proj", "", "a.proj", "csv", true},
		"Markdown with commas":                       {".md", "text/markdown", "a.md", "csv", true},
		"subtitles with commas":                      {"application/x-subrip", "", "a.srt", "csv", true},
		"a type that the sniffing does not know":     {"application/x-indesign", "application/x-indesign", "a.indd", "unknown", true},
		"a listed application/octet-stream":          {"application/octet-stream .bin", "", "a.bin", "unknown", true},
		"a number is no extension":                   {"image/*", "image/png", "Report 3.12", "png", true},
		"the end of a sentence is no extension":      {"image/*", "image/png", "Mr. Smith's photo", "png", true},
		"a long end is no extension":                 {"image/*", "image/png", "a.photographed", "png", true},
		"letters beyond ASCII are no extension":      {"image/*", "image/png", "фото.снимок", "png", true},
		"a percent sign in the name":                 {"image/*", "image/png", "100%.png", "png", true},
		"Latin-1 in the name":                        {"image/*", "image/png", "Gr\xfcn.png", "png", true},
		"Shift JIS in the name":                      {"image/*", "image/png", "\x95\x8e\x95\x5c.png", "png", true},
		"ISO 2022 in the name":                       {"image/*", "image/png", "\x1b$B$3$l\x1b(B.png", "png", true},
		"a vertical tab in the name":                 {"image/*", "image/png", "quarterly\vreport.png", "png", true},
		"a number in brackets":                       {"image/*", "image/png", "photo (1).png", "png", true},
		"a version behind a dot":                     {"image/*", "image/png", "my.photo-2024.final version", "png", true},
		"a date":                                     {"image/*", "image/png", "scan 01.02.2024", "png", true},
		"a date and a word":                          {"image/*", "image/png", "scan 01.02.2024 (copy)", "png", true},
		"a time":                                     {"image/*", "image/png", "Screenshot 2024-05-01 at 10.32.15 PM", "png", true},
		"a domain and a path":                        {"image/*", "image/png", "www.example.test - home page", "png", true},
		"a size behind the extension":                {"image/*", "image/png", "photo.png@2x", "png", true},
		"a word beyond ASCII behind a dot":           {"image/*", "image/png", "Отчёт. Версия 2", "png", true},
		"a mark behind a listed extension":           {"image/*", "image/png", "צילום.png\u200f", "png", true},
		"an emoji behind a dot":                      {"image/*", "image/png", "beach.\u2600\ufe0f", "png", true},
		"a listed extension with a hyphen":           {"image/*", "image/png", "a.p-ng", "png", true},
		"an unknown extension with a hyphen":         {"image/*", "image/png", "a.pr-oj", "png", true},
		"any type":                                   {"*/*", "a/b", "a.exe", "exe", true},
		"any type and more":                          {"image/* */*", "", "", "exe", true},
		"one of several entries":                     {"image/* video/mp4 .pdf", "application/pdf", "a.pdf", "pdf", true},
		"one reading of a declared type with blanks": {"image/*", " Image/PNG ; a=b", "a.png", "png", true},

		// What is declared.
		"another declared type":                     {"image/*", "text/html", "a.jpg", "jpeg", false},
		"another of the same kind":                  {"image/png", "image/jpeg", "a.png", "png", false},
		"a declared type that begins alike":         {"image/png", "image/pngx", "a.png", "png", false},
		"a kind that begins alike":                  {"image/*", "imagex/png", "a.png", "png", false},
		"a declared executable":                     {"image/*", "application/x-msdownload", "a.png", "png", false},
		"Excel without a name":                      {".csv", "application/vnd.ms-excel", "blob", "ole", false},
		"Excel that is named csv":                   {".csv", "application/vnd.ms-excel", "a.csv", "ole", false},
		"HTML that is named csv":                    {".csv", "text/html", "a.csv", "csv", false},
		"a video that is declared, named mp4":       {"audio/*", "video/mp4", "a.mp4", "mp4", false},
		"typescript that is declared, by video":     {"video/*", "text/plain", "a.ts", "text", false},
		"two types in one value":                    {"image/*", "image/png, text/html", "a.png", "png", false},
		"two types in one value, without a comma":   {"image/*", "image/png text/html", "a.png", "png", false},
		"a declared type with a control character":  {"image/*", "image/png\x00text/html", "a.png", "png", false},
		"a declared type beyond ASCII":              {"image/*", "imagе/png", "a.png", "png", false},
		"a declared type that is too long":          {"image/*", "image/" + strings.Repeat("a", 200), "a.png", "png", false},
		"the long s":                                {"text/css", "text/cſs", "a.css", "text", false},
		"m4v that is undeclared":                    {"video/mp4", "", "a.m4v", "mp4", false},
		"a listed octet-stream allows no image":     {"application/octet-stream", "image/png", "", "png", false},
		"application/* covers no unknown contents":  {"application/*", "", "blob", "unknown", false},
		"application/* covers no csv by an alias":   {"application/*", "application/csv", "a.csv", "csv", false},
		"nested types":                              {"image/*", "image/png/x", "a.png", "png", false},
		"a type without subtype":                    {"image/*", "image/", "a.png", "png", false},
		"a subtype without type":                    {"image/*", "/png", "a.png", "png", false},
		"a wildcard as type":                        {"image/*", "*/png", "a.png", "png", false},
		"a name that only one reading calls a type": {"image/*", "image/png\ttext/html", "a.png", "png", false},

		// What it is called.
		"another extension":                        {"image/*", "image/png", "a.pdf", "png", false},
		"an unknown extension":                     {"image/*", "image/png", "a.proj", "png", false},
		"the last of two extensions":               {"image/*", "", "a.png.exe", "png", false},
		"an extension in upper case":               {"image/*", "", "a.EXE", "png", false},
		"a trailing dot":                           {"image/*", "", "a.exe.", "png", false},
		"trailing blanks and dots":                 {"image/*", "", "a.exe . .", "png", false},
		"a trailing no-break space":                {"image/*", "", "a.exe\u00a0", "png", false},
		"a blank of no width within":               {"image/*", "", "a.e\u200bxe", "png", false},
		"full-width letters":                       {"image/*", "", "a.ｅｘｅ", "png", false},
		"a combining mark":                         {"image/*", "", "a.exe\u0301", "png", false},
		"a hyphen within":                          {"image/*", "", "setup.e-xe", "png", false},
		"a hyphen behind":                          {"image/*", "", "setup.exe-", "png", false},
		"a blank within":                           {"image/*", "", "page.ht ml", "png", false},
		"a blank before":                           {"image/*", "", "setup. exe", "png", false},
		"brackets around":                          {"image/*", "", "setup.(exe)", "png", false},
		"an underscore behind":                     {"image/*", "", "setup.exe_", "png", false},
		"a dot and a hyphen behind":                {"image/*", "", "setup.exe.-", "png", false},
		"a slash within":                           {"image/*", "", "setup.e/xe", "png", false},
		"a slash and a hyphen behind":              {"image/*", "", "setup.exe/-", "png", false},
		"a stream of Windows":                      {"image/*", "image/png", "a.php::$DATA", "png", false},
		"a stream with an extension":               {"image/*", "image/png", "a.proj::$data.png", "png", false},
		"a colon behind":                           {"image/*", "", "setup.exe:", "png", false},
		"many blanks of no width behind":           {"image/*", "", "a.php" + strings.Repeat("\u200b", 21), "png", false},
		"many hyphens within":                      {"image/*", "", "a.p" + strings.Repeat("-", 5000) + "hp", "png", false},
		"a blank of no width behind a dot":         {"image/*", "", "a.exe.\u200b", "png", false},
		"an unknown extension, hidden by no width": {"image/*", "image/png", "a.proj\u200b", "png", false},
		"an unknown extension, hidden by a mark":   {"image/*", "image/png", "a.pro\u0308j", "png", false},
		"an unknown extension, hidden by a filler": {"image/*", "image/png", "a.pr\u3164oj", "png", false},
		"an unknown extension, by a soft hyphen":   {"image/*", "image/png", "a.pr\u00adoj", "png", false},
		"an unknown extension, by a line end":      {"image/*", "image/png", "a.proj\u2028\u2029", "png", false},
		"an unknown extension of PHP, hidden":      {"image/*", "image/png", "a.php5\u200b", "png", false},
		"a version of PHP and a hyphen":            {"image/*", "image/png", "a.php5-", "png", false},
		"a letter with an accent behind":           {"image/*", "", "a.phpé", "png", false},
		"the same in two characters":               {"image/*", "", "a.phpe\u0301", "png", false},
		"a letter with an accent within":           {"image/*", "", "a.phép", "png", false},
		"full-width letters and an accent":         {"image/*", "", "a.ｅｘｅé", "png", false},
		"a letter that is two":                     {"image/*", "", "a.exe\ufb01", "png", false},
		"a sign that becomes a dot":                {"image/*", "", "a.png\u2024exe", "png", false},
		"a full-width dot":                         {"image/*", "", "a．ｅｘｅ", "png", false},
		"an escape among signs that are none":      {"image/*", "", "100%.e%78e", "png", false},
		"an escaped dot behind such a sign":        {"image/*", "", "100%-a%2Eexe%", "png", false},
		"an escaped dot":                           {"image/*", "", "a.png%2Eexe", "png", false},
		"an escaped NUL":                           {"image/*", "", "a.exe%00.png", "png", false},
		"NUL":                                      {"image/*", "", "a.exe\x00.png", "png", false},
		"a line end":                               {"image/*", "", "a.exe\n.png", "png", false},
		"a control character within":               {"image/*", "", "a.e\x01xe", "png", false},
		"nothing but the extension":                {"image/*", "", ".exe", "png", false},
		"a path":                                   {"image/*", "", "a.png/b.exe", "png", false},
		"a path of Windows":                        {"image/*", "", `a.png\b.exe`, "png", false},
		"a trailing slash":                         {"image/*", "", "a.exe/", "png", false},
		"an extension under a listed type's alias": {"image/x-png", "", "a.jpg", "png", false},
		"mp4 alone is no audio":                    {"audio/*", "", "a.mp4", "mp4", false},
		"ogg alone is no video":                    {"video/*", "", "a.ogg", "ogg", false},

		// What it is.
		"an executable that is named png":      {"image/*", "image/png", "a.png", "exe", false},
		"ELF that is named png":                {"image/*", "image/png", "a.png", "elf", false},
		"HTML that is named png":               {"image/*", "image/png", "a.png", "html", false},
		"HTML that is undeclared":              {"image/*", "", "blob", "html", false},
		"HTML that is named txt":               {".txt", "text/plain", "a.txt", "html", false},
		"SVG that is named txt":                {"text/plain", "text/plain", "a.txt", "svg", false},
		"XHTML that is named xml":              {"text/xml", "text/xml", "a.xml", "xhtml", false},
		"PHP that is named txt":                {"text/plain", "text/plain", "a.txt", "php", false},
		"a script that is named txt":           {"text/plain", "text/plain", "a.txt", "shell", false},
		"text that is named png":               {"image/*", "image/png", "a.png", "text", false},
		"PDF that is named png":                {"image/*", "image/png", "a.png", "pdf", false},
		"zip that is named png":                {"image/*", "image/png", "a.png", "zip", false},
		"zip that is named pdf":                {".pdf", "application/pdf", "a.pdf", "zip", false},
		"docx that is named xlsx":              {".xlsx", "", "a.xlsx", "docx", false},
		"SVG where only PNG is listed":         {"image/png", "image/png", "a.png", "svg", false},
		"GIF where only PNG is listed":         {"image/png", "", "a.png", "gif", false},
		"video that is named png":              {"image/*", "image/png", "a.png", "mp4", false},
		"unknown, no wildcard":                 {"image/png .pdf", "image/png", "a.png", "unknown", false},
		"unknown, listed by extension":         {".pdf", "application/pdf", "a.pdf", "unknown", false},
		"unknown, claims nothing":              {"image/*", "", "blob", "unknown", false},
		"unknown, claims what is not listed":   {"image/* .pdf", "application/pdf", "", "unknown", false},
		"an image of an unlisted unknown kind": {".proj", "", "a.proj", "exe", false},
		"of a picture, where nothing is known": {".proj", "", "a.proj", "png", false},
		"commas that are named png":            {"image/*", "", "a.png", "csv", false},
		"empty and silent":                     {"image/*", "", "blob", "empty", false},
	} {
		t.Run(name, func(t *testing.T) {
			rules := compile(t, Policy{Types: strings.Fields(c.types)})
			for _, pieces := range []int{1, 3, 1000} {
				err := upload(NewJudge(at(t, uploadapi.Base), []*Rules{rules}), file(c.declared, c.name), contents[c.content], pieces)
				if (err == nil) != c.allowed {
					t.Fatalf("in %d pieces: %v", pieces, err)
				}
				if err != nil {
					requireRefusal(t, err, uploadapi.ErrFileType, "types: ")
				}
			}
		})
	}
}

func TestEveryReadingOfAPartMustBeAllowed(t *testing.T) {
	rules := compile(t, Policy{Types: []string{"image/*"}})
	for name, change := range map[string]func(*form.Part){
		"another file name":         func(p *form.Part) { p.FileNames = append(p.FileNames, "a.exe") },
		"another type":              func(p *form.Part) { p.Types = append(p.Types, "text/html") },
		"another of many names":     func(p *form.Part) { p.FileNames = append(numbered("%d.png", 30), "a.exe") },
		"a type among many":         func(p *form.Part) { p.Types = append(numbered("image/%d", 100), "image/png") },
		"readings that are unknown": func(p *form.Part) { p.Doubtful = true },
		"a form of its own":         func(p *form.Part) { p.Nested = true },
		"an encoded content":        func(p *form.Part) { p.Encoded = true },
		"doubtful, and no file":     func(p *form.Part) { *p = form.Part{Name: []byte("a"), Doubtful: true} },
		"nested, and no file": func(p *form.Part) {
			*p = form.Part{Name: []byte("a"), Nested: true, Types: []string{"multipart/mixed"}}
		},
		"a declared type, and no file name": func(p *form.Part) {
			*p = form.Part{Name: []byte("a"), File: true, Types: []string{"text/plain"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			part := file("image/png", "a.png")
			change(part)
			err := upload(NewJudge(at(t, uploadapi.Base), []*Rules{rules}), part, contents["png"], 1)
			requireRefusal(t, err, uploadapi.ErrFileType, "types: ")
		})
	}
	t.Run("several that are allowed", func(t *testing.T) {
		part := file("image/png", "a.png")
		part.FileNames, part.Types = append(part.FileNames, "b.jpg", "blob"), append(part.Types, "image/jpeg", "image/*")
		if err := upload(NewJudge(at(t, uploadapi.Base), []*Rules{rules}), part, contents["png"], 1); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the next file is judged by its own", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{rules})
		if err := upload(j, file("image/png", "a.png"), contents["png"], 2); err != nil {
			t.Fatal(err)
		}
		requireRefusal(t, upload(j, file("", "blob"), contents["unknown"], 2), uploadapi.ErrFileType, "unknown type")
	})
	t.Run("servers disagree where a part begins", func(t *testing.T) {
		j := NewJudge(at(t, uploadapi.Base), []*Rules{rules})
		requireRefusal(t, j.Ambiguous(), uploadapi.ErrFileType, "types: ")
	})
}

func TestTypesThatCannotBeEntries(t *testing.T) {
	for _, entry := range []string{
		"", "image", "*", "*/png", "image/", "/png", "image/p*", "image/png;q=1", "image/png,image/gif", "image/png image/gif", ".", ".tar.gz", ".*", "pdf", ".2024",
		".photographed", "image/png/x", "imagе/png", ".jpég",
	} {
		_, err := (&Policy{Types: []string{"image/*", entry}}).Compile()
		if err == nil || !strings.HasPrefix(err.Error(), "types ") || !strings.Contains(err.Error(), "write ") {
			t.Errorf("%q: the error is %v", entry, err)
		}
	}
}
