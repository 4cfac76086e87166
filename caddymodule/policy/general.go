// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// isGeneral reports whether files of the type specific are also of the type general, so
// that a sniffer that looks no further, or a client that knows no better, calls them that.
// Both are canonical.
func isGeneral(general, specific string) bool {
	switch general {
	case "text/plain":
		if strings.HasPrefix(specific, "text/") || isSuffixed(specific, "+xml") || isSuffixed(specific, "+json") {
			return general != specific
		}
	case "text/xml":
		if isSuffixed(specific, "+xml") {
			return true
		}
	case "application/json":
		if isSuffixed(specific, "+json") {
			return true
		}
	case "application/zip":
		if isSuffixed(specific, "+zip") {
			return true
		}
	}
	return slices.Contains(generals[general], specific)
}

// isSuffixed reports whether a type has a structured syntax suffix (RFC 6838, section 4.2.8).
func isSuffixed(mediaType, suffix string) bool { return strings.HasSuffix(mediaType, suffix) }

// isActive reports whether files of a type run code where they are opened or served, so
// that they must be in the list themselves: it does not do that a type is in it of which
// they are a kind, such as text/plain.
func isActive(mediaType string) bool { return slices.Contains(activeTypes, mediaType) }

// Scripts are those that the sniffing knows; XML may be a page or a picture with scripts.
var activeTypes = strings.Fields(`
text/html application/xhtml+xml image/svg+xml text/xml text/javascript text/x-php text/x-python text/x-perl text/x-ruby
text/x-lua text/x-tcl application/x-tcl text/x-shellscript
application/vnd.microsoft.portable-executable application/x-ms-installer application/x-elf
`)

var generals = table(generalTable)

// generalTable: a type, and kinds of it. What is a kind of text/plain by its name, or of
// another by its suffix, is not repeated.
const generalTable = `
text/plain: application/json application/x-ndjson application/yaml application/toml application/x-subrip application/x-tex application/sql
text/plain: application/postscript application/x-ipynb application/graphql application/vnd.apple.mpegurl message/rfc822 model/obj model/stl
text/plain: image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap image/x-xpixmap image/vnd.dxf application/x-tcl
text/plain: application/warc application/pgp-keys application/x-pem-file application/x-bibtex application/x-plist
text/xml: application/x-plist
application/json: application/x-ndjson application/x-ipynb
application/zip: application/java-archive application/vnd.android.package-archive application/vnd.ms-visio.drawing.main+xml
application/zip: application/vnd.openxmlformats-officedocument.wordprocessingml.document application/vnd.openxmlformats-officedocument.wordprocessingml.template
application/zip: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet application/vnd.openxmlformats-officedocument.spreadsheetml.template
application/zip: application/vnd.openxmlformats-officedocument.presentationml.presentation application/vnd.openxmlformats-officedocument.presentationml.slideshow
application/zip: application/vnd.openxmlformats-officedocument.presentationml.template
application/zip: application/vnd.ms-word.document.macroenabled.12 application/vnd.ms-excel.sheet.macroenabled.12 application/vnd.ms-powerpoint.presentation.macroenabled.12
application/zip: application/vnd.ms-excel.sheet.binary.macroenabled.12 application/vnd.ms-package.3dmanufacturing-3dmodel+xml application/vnd.ms-xpsdocument
application/zip: application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.text-template application/vnd.oasis.opendocument.spreadsheet
application/zip: application/vnd.oasis.opendocument.spreadsheet-template application/vnd.oasis.opendocument.presentation application/vnd.oasis.opendocument.presentation-template
application/zip: application/vnd.oasis.opendocument.graphics application/vnd.oasis.opendocument.graphics-template application/vnd.oasis.opendocument.formula
application/zip: application/vnd.apple.pages application/vnd.apple.numbers application/vnd.apple.keynote application/vnd.google-earth.kmz application/vnd.sketch
application/zip: application/vnd.comicbook+zip model/vnd.usdz+zip application/x-fictionbook
application/vnd.openxmlformats-officedocument.wordprocessingml.document: application/vnd.ms-word.document.macroenabled.12 application/vnd.openxmlformats-officedocument.wordprocessingml.template
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet: application/vnd.ms-excel.sheet.macroenabled.12 application/vnd.openxmlformats-officedocument.spreadsheetml.template application/vnd.ms-excel.sheet.binary.macroenabled.12
application/vnd.openxmlformats-officedocument.presentationml.presentation: application/vnd.ms-powerpoint.presentation.macroenabled.12 application/vnd.openxmlformats-officedocument.presentationml.slideshow
application/vnd.openxmlformats-officedocument.presentationml.presentation: application/vnd.openxmlformats-officedocument.presentationml.template
application/x-ole-storage: application/msword application/vnd.ms-excel application/vnd.ms-powerpoint application/vnd.ms-outlook application/vnd.visio application/vnd.ms-publisher application/vnd.ms-project application/x-ms-installer
application/gzip: application/x-compressed-tar image/svg+xml
application/x-elf: application/x-object application/x-executable application/x-sharedlib application/x-coredump
application/pdf: application/illustrator
application/postscript: application/illustrator
application/ogg: audio/ogg video/ogg audio/opus
audio/ogg: audio/opus
image/tiff: image/x-adobe-dng image/x-canon-cr2 image/x-nikon-nef image/x-sony-arw image/x-pentax-pef image/x-samsung-srw image/x-epson-erf image/x-kodak-dcr
image/png: image/apng
image/heif: image/heic image/heic-sequence image/heif-sequence image/avif
image/heic: image/heif image/heic-sequence image/heif-sequence
image/vnd.radiance: image/x-hdr
video/mp4: audio/mp4 video/x-m4v video/quicktime video/3gpp video/3gpp2 audio/3gpp audio/3gpp2 image/x-canon-cr3
video/3gpp: audio/3gpp
video/3gpp2: audio/3gpp2
video/quicktime: video/mp4 audio/mp4
video/matroska: audio/matroska video/webm audio/webm
video/webm: audio/webm
video/ogg: audio/ogg audio/opus
video/x-ms-asf: video/x-ms-wmv audio/x-ms-wma
video/mpeg: audio/mpeg
font/ttf: font/otf
font/otf: font/ttf
`
