// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// contents are beginnings of files, by what the tests call them.
var contents = map[string]string{
	"empty":        "",
	"unknown":      "\x02\x91\xfe\x13\x80\xc4\x9d\xe1\xb7\x06\xa1\x92\x93\x94",
	"text":         "The first line.\nAnd another.\n",
	"UTF-16 text":  utf16Text("The first line.\nAnd another.\n"),
	"Latin-1 text": "Stra\xdfe, Gr\xf6\xdfe, \xdcbung.\n",
	"csv":          "a,b,c\n1,2,3\n4,5,6\n",
	"json":         `{"a": [1, 2, 3]}`,
	"html":         "<!DOCTYPE html>\n<html><script>alert(1)</script></html>",
	"html in part": "<p>no beginning of a page</p>, and text",
	"xml":          `<?xml version="1.0"?><note>a</note>`,
	"xhtml":        `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"></html>`,
	"svg":          `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
	"svg late":     `<?xml version="1.0"?><!-- ` + strings.Repeat("a", 5000) + ` --><svg xmlns="http://www.w3.org/2000/svg"></svg>`,
	"php":          "<?php system($_GET['a']); ?>",
	"shell":        "#!/bin/sh\nrm -rf /\n",
	"js":           "#!/usr/bin/env node\nconsole.log(1)\n",
	"rtf":          `{\rtf1\ansi text}`,
	"png":          "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00",
	"jpeg":         "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
	"gif":          "GIF89a\x01\x00\x01\x00\x80\x00\x00",
	"webp":         "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00",
	"tiff":         "II*\x00\x08\x00\x00\x00\x10\x00\x00\x01\x03\x00",
	"heic":         box("heic", "mif1heic"),
	"heif":         box("mif1", "mif1heic"),
	"avif":         box("avif", "avifmif1miaf"),
	"mp4":          box("isom", "isomiso2avc1mp41"),
	"mov":          box("qt  ", "qt  "),
	"m4a":          box("M4A ", "M4A mp42isom"),
	"mkv":          "\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x82\x88matroska\x42\x87\x81\x04",
	"webm":         "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82\x84webm\x42\x87\x81\x04",
	"mp3":          "\xff\xfb\x90\x64\x00\x00\x00\x00",
	"wav":          "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00",
	"ogg":          "OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1e\x01vorbis" + strings.Repeat("\x00", 23),
	"pdf":          "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
	"zip":          zipOf("a.txt"),
	"docx":         zipOf("[Content_Types].xml", "_rels/.rels", "word/document.xml"),
	"ole":          "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600),
	"gzip":         "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
	"exe":          "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00",
	"elf":          "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00\x01\x00\x00\x00",
}

// box is the first box of an ISO base media file.
func box(major, compatible string) string {
	content := "ftyp" + major + "\x00\x00\x02\x00" + compatible
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(content)+4))) + content
}

func zipOf(names ...string) string {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range names {
		entry, _ := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		_, _ = entry.Write([]byte("content of " + name))
	}
	_ = w.Close()
	return archive.String()
}

func utf16Text(text string) string {
	encoded := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		encoded = binary.LittleEndian.AppendUint16(encoded, unit)
	}
	return string(encoded)
}

// The tables of types name what the sniffing calls things; so a new version of it that
// calls them otherwise must be seen.
func TestTheSniffingKnowsTheTypesOfTheTests(t *testing.T) {
	for name, expected := range map[string]string{
		"empty": "", "unknown": octetStream, "text": "text/plain", "UTF-16 text": "text/plain", "Latin-1 text": "text/plain", "csv": "text/csv",
		"json": "application/json", "html": "text/html", "html in part": "text/html", "xml": "text/xml", "xhtml": "application/xhtml+xml",
		"svg": "image/svg+xml", "svg late": "text/xml", "php": "text/x-php", "shell": "text/x-shellscript", "js": "text/javascript", "rtf": "text/rtf",
		"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "tiff": "image/tiff", "heic": "image/heic",
		"heif": "image/heif", "avif": "image/avif", "mp4": "video/mp4", "mov": "video/quicktime", "m4a": "audio/mp4", "mkv": "video/matroska",
		"webm": "video/webm", "mp3": "audio/mpeg", "wav": "audio/wav", "ogg": "audio/ogg", "pdf": "application/pdf", "zip": "application/zip",
		"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "ole": "application/x-ole-storage",
		"gzip": "application/gzip", "exe": "application/vnd.microsoft.portable-executable", "elf": "application/x-sharedlib",
	} {
		content, known := contents[name]
		if sniffed := sniff([]byte(content)); !known || sniffed != expected {
			t.Errorf("%s is %q, and not %q", name, sniffed, expected)
		}
	}
}

// A cycle in the tables, or an alias in the place of a type, would make a rule that
// depends on the order of entries.
func TestTheTablesOfTypesAreCanonical(t *testing.T) {
	check := func(table string, types []string) {
		for _, mediaType := range types {
			if essence, known := essence(mediaType); !known || essence != mediaType || canonical(mediaType) != mediaType {
				t.Errorf("%s: %s is not the canonical name of a type", table, mediaType)
			}
		}
	}
	for _, rows := range []map[string][]string{extensionTypes, rarerTypes, declaredTypes} {
		for extension, types := range rows {
			if !isExtension(extension) {
				t.Errorf("%q is no extension", extension)
			}
			if _, known := extensionTypes[extension]; !known {
				t.Errorf("the extension %s is in no table of its own", extension)
			}
			check(extension, types)
		}
	}
	for general, types := range generals {
		check("kinds", append([]string{general}, types...))
	}
	check("active", activeTypes)
	for name, others := range table(aliasTable) {
		if canonical(name) != name {
			t.Errorf("%s is an alias itself", name)
		}
		for _, other := range others {
			if canonical(other) != name {
				t.Errorf("%s is an alias of two types", other)
			}
		}
	}
}
