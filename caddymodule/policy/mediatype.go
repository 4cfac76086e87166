// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// octetStream is the type of contents that are not known. Clients declare it where they
// know no type, so it declares nothing.
const octetStream = "application/octet-stream"

// essence returns a declared media type without its parameters, in lower case; or "" if
// the text names no type. known is false if it is uncertain what servers make of it.
func essence(text string) (mediaType string, known bool) {
	// Parameters are cut first, for values of theirs may be anything.
	text, _, _ = strings.Cut(text, ";")
	text = asciiLower(strings.Trim(text, " \t"))
	major, minor, isType := strings.Cut(text, "/")
	switch {
	case !isType:
		// Such as "", "null" or "image" (React Native): no server finds a type in it, unless
		// it is longer than one word.
		return "", isToken(text) || text == ""
	case !isToken(major) || !isToken(minor):
		return "", false
	case minor == "*" || minor == "octet-stream":
		return "", true
	}
	return text, true
}

// isToken reports whether text is a token of RFC 9110, section 5.6.2, and not longer than
// one of a media type may be (RFC 6838, section 4.2).
func isToken(text string) bool {
	if text == "" || len(text) > 127 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// canonical returns the name under which a type is compared.
func canonical(mediaType string) string {
	if name, isAlias := aliases[mediaType]; isAlias {
		return name
	}
	return mediaType
}

// aliases are other names of types, by which clients declare them.
var aliases = func() map[string]string {
	names := make(map[string]string)
	for name, others := range table(aliasTable) {
		for _, other := range others {
			names[other] = name
		}
	}
	return names
}()

// table parses lines of `key key: value value`.
func table(text string) map[string][]string {
	rows := make(map[string][]string)
	for line := range strings.Lines(text) {
		keys, values, _ := strings.Cut(strings.TrimSpace(line), ":")
		for key := range strings.FieldsSeq(keys) {
			rows[key] = append(rows[key], strings.Fields(values)...)
		}
	}
	return rows
}

// aliasTable: a type, and other names of the same. The type is what the sniffing returns,
// if it knows it.
const aliasTable = `
application/gzip: application/x-gzip application/x-gunzip application/gzipped application/gzip-compressed application/x-gzip-compressed gzip/document
application/illustrator: application/vnd.adobe.illustrator
application/java-archive: application/x-java-archive application/jar application/jar-archive
application/json: text/json application/x-json
application/ld+json: application/x-ld+json
application/msword: application/vnd.ms-word application/x-msword application/doc
application/ogg: application/x-ogg
application/pdf: application/x-pdf application/acrobat
application/postscript: application/eps application/x-eps image/eps image/x-eps
application/vnd.ms-excel: application/msexcel application/x-msexcel application/x-excel application/excel application/xls
application/vnd.ms-powerpoint: application/mspowerpoint application/powerpoint application/x-mspowerpoint
application/vnd.microsoft.portable-executable: application/x-msdownload application/x-dosexec application/x-msdos-program application/exe application/x-exe
application/vnd.rar: application/x-rar-compressed application/x-rar application/rar
application/vnd.sqlite3: application/x-sqlite3
application/x-7z-compressed: application/7z application/x-7z
application/x-bzip2: application/x-bzip application/bzip2
application/x-ms-installer: application/x-msi application/x-windows-installer
application/x-ndjson: application/ndjson application/jsonl application/x-jsonlines application/jsonlines
application/x-subrip: application/x-srt text/x-srt text/srt
application/x-tar: application/tar
application/yaml: application/x-yaml text/yaml text/x-yaml
application/zip: application/x-zip application/x-zip-compressed multipart/x-zip
application/zstd: application/x-zstd
audio/aac: audio/x-aac audio/aacp audio/x-hx-aac-adts
audio/aiff: audio/x-aiff
audio/amr: audio/amr-nb
audio/flac: audio/x-flac
audio/matroska: audio/x-matroska
audio/midi: audio/mid audio/sp-midi audio/x-mid audio/x-midi
audio/mp4: audio/x-m4a audio/m4a audio/x-mp4a audio/x-mp4 audio/mp4a-latm
audio/mpeg: audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3 audio/x-mpeg-3 audio/mpg
audio/wav: audio/x-wav audio/wave audio/vnd.wave audio/x-pn-wav
font/otf: application/x-font-otf application/x-font-opentype application/vnd.ms-opentype
font/ttf: font/sfnt application/x-font-ttf application/font-sfnt application/x-font-truetype application/x-truetype-font
font/woff: application/font-woff application/x-font-woff
font/woff2: application/font-woff2
image/apng: image/vnd.mozilla.apng
image/bmp: image/x-bmp image/x-ms-bmp image/x-windows-bmp
image/gif: image/x-gif
image/jpeg: image/jpg image/pjpeg image/jpe image/jfif
image/jxr: image/vnd.ms-photo
image/png: image/x-png
image/svg+xml: image/svg image/svg-xml
image/tiff: image/tif image/x-tiff image/x-tif
image/vnd.adobe.photoshop: image/x-psd image/psd image/photoshop image/x-photoshop application/photoshop application/x-photoshop application/psd
image/vnd.dwg: image/x-dwg application/acad application/x-acad application/autocad_dwg application/dwg application/x-dwg application/x-autocad drawing/dwg
image/vnd.dxf: image/x-dxf application/dxf application/x-dxf
image/x-adobe-dng: image/dng
image/x-icon: image/vnd.microsoft.icon image/ico image/icon
message/rfc822: application/x-eml
text/csv: text/x-csv application/csv application/x-csv text/comma-separated-values text/x-comma-separated-values
text/javascript: application/javascript application/x-javascript application/ecmascript text/ecmascript
text/markdown: text/x-markdown
text/rtf: application/rtf application/x-rtf text/richtext
text/vcard: text/x-vcard text/directory
text/x-php: application/x-php application/x-httpd-php application/php
text/x-python: text/x-script.python application/x-python
text/x-shellscript: text/x-sh application/x-shellscript application/x-sh
text/xml: application/xml
video/3gpp: video/3gp
video/3gpp2: video/3g2
video/matroska: video/x-matroska
video/mpeg: video/x-mpeg video/mpg
video/webm: video/x-webm
video/x-flv: video/flv
video/x-m4v: video/m4v
video/x-ms-asf: video/asf application/vnd.ms-asf
video/x-msvideo: video/avi video/msvideo video/vnd.avi application/x-troff-msvideo
`
