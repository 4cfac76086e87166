// SPDX-License-Identifier: Apache-2.0

package policy

// extensionTypes are the types of files, by the extension of their names. The system's
// own tables (package mime) are not used: they differ from one machine to the next.
var extensionTypes = table(extensionTable)

// extensionNames has each extension under itself: a string that holds nothing else.
var extensionNames = func() map[string]string {
	names := make(map[string]string, len(extensionTypes))
	for name := range extensionTypes {
		names[name] = name
	}
	return names
}()

// knownTypes are the types of files with known extensions.
var knownTypes = func() map[string]bool {
	known := make(map[string]bool)
	for _, types := range extensionTypes {
		for _, name := range types {
			known[name] = true
		}
	}
	return known
}()

// extensionTable: extensions, and the types of files that bear them, canonical.
const extensionTable = `
jpg jpeg jpe jfif jif pjpeg pjp: image/jpeg
png: image/png image/apng
apng: image/apng
gif: image/gif
webp: image/webp
avif avifs: image/avif
heic hif: image/heic image/heif image/heic-sequence
heics: image/heic-sequence
heif: image/heif image/heic image/heif-sequence
heifs: image/heif-sequence
bmp dib: image/bmp
tif tiff: image/tiff
svg: image/svg+xml
svgz: image/svg+xml
ico cur: image/x-icon
icns: image/x-icns
jxl: image/jxl
jp2 j2k jpf jpx jpm: image/jp2 image/jpx image/jpm
jxr wdp hdp: image/jxr
jxs: image/jxs
psd psb: image/vnd.adobe.photoshop
xcf: image/x-xcf
hdr: image/vnd.radiance
exr: image/x-exr
tga: image/x-tga
pbm: image/x-portable-bitmap
pgm: image/x-portable-graymap
ppm pnm: image/x-portable-pixmap
pam: image/x-portable-arbitrarymap
xpm: image/x-xpixmap
djvu djv: image/vnd.djvu
dwg: image/vnd.dwg
dxf: image/vnd.dxf
dng: image/x-adobe-dng
cr2: image/x-canon-cr2
cr3: image/x-canon-cr3
crw: image/x-canon-crw
nef nrw: image/x-nikon-nef
arw sr2 srf: image/x-sony-arw
orf: image/x-olympus-orf
rw2: image/x-panasonic-rw2
raf: image/x-fuji-raf
pef: image/x-pentax-pef
srw: image/x-samsung-srw
erf: image/x-epson-erf
dcr kdc: image/x-kodak-dcr
mp4 mpg4: video/mp4
m4v: video/x-m4v
mov qt: video/quicktime
3gp 3gpp: video/3gpp
3g2: video/3gpp2
webm: video/webm
weba: audio/webm
mkv: video/matroska
mka: audio/matroska
avi: video/x-msvideo
wmv: video/x-ms-wmv
asf: video/x-ms-asf
flv: video/x-flv
mpg mpeg mpe m1v m2v vob: video/mpeg
mts m2ts: video/mp2t
ts: video/mp2t
ogv: video/ogg
mj2: video/mj2
mp3 mp2 mpga: audio/mpeg
m4a m4b m4r: audio/mp4
aac: audio/aac
ogg: audio/ogg
oga: audio/ogg
opus: audio/opus
flac: audio/flac
wav wave: audio/wav
aif aiff aifc: audio/aiff
wma: audio/x-ms-wma
amr: audio/amr
mid midi: audio/midi
au snd: audio/basic
ape: audio/ape
m3u m3u8: application/vnd.apple.mpegurl
pdf: application/pdf
ai: application/illustrator
eps ps: application/postscript
doc dot: application/msword
xls xlt: application/vnd.ms-excel
ppt pps pot: application/vnd.ms-powerpoint
docx: application/vnd.openxmlformats-officedocument.wordprocessingml.document
dotx: application/vnd.openxmlformats-officedocument.wordprocessingml.template
docm: application/vnd.ms-word.document.macroenabled.12
xlsx: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
xltx: application/vnd.openxmlformats-officedocument.spreadsheetml.template
xlsm: application/vnd.ms-excel.sheet.macroenabled.12
xlsb: application/vnd.ms-excel.sheet.binary.macroenabled.12
pptx: application/vnd.openxmlformats-officedocument.presentationml.presentation
ppsx: application/vnd.openxmlformats-officedocument.presentationml.slideshow
potx: application/vnd.openxmlformats-officedocument.presentationml.template
pptm: application/vnd.ms-powerpoint.presentation.macroenabled.12
odt: application/vnd.oasis.opendocument.text
ods: application/vnd.oasis.opendocument.spreadsheet
odp: application/vnd.oasis.opendocument.presentation
odg: application/vnd.oasis.opendocument.graphics
odf: application/vnd.oasis.opendocument.formula
ott: application/vnd.oasis.opendocument.text-template
ots: application/vnd.oasis.opendocument.spreadsheet-template
otp: application/vnd.oasis.opendocument.presentation-template
pages: application/vnd.apple.pages
numbers: application/vnd.apple.numbers
key: application/vnd.apple.keynote
msg: application/vnd.ms-outlook
pub: application/vnd.ms-publisher
vsd: application/vnd.visio
vsdx: application/vnd.ms-visio.drawing.main+xml
mpp: application/vnd.ms-project
one: application/onenote
xps oxps: application/vnd.ms-xpsdocument
epub: application/epub+zip
mobi azw azw3: application/x-mobipocket-ebook
fb2: application/x-fictionbook+xml
cbz: application/vnd.comicbook+zip
sketch: application/vnd.sketch
indd: application/x-indesign
rtf: text/rtf
txt text log: text/plain
csv: text/csv
tsv tab: text/tab-separated-values
md markdown: text/markdown
json: application/json
geojson: application/geo+json
jsonl ndjson: application/x-ndjson
yaml yml: application/yaml
toml: application/toml
xml: text/xml
xsl xslt: application/xslt+xml
html htm shtml: text/html
xhtml xht: application/xhtml+xml
css: text/css
js mjs cjs: text/javascript
sql: application/sql
tex: application/x-tex
ics: text/calendar
vcf: text/vcard
vtt: text/vtt
srt: application/x-subrip
eml: message/rfc822
kml: application/vnd.google-earth.kml+xml
kmz: application/vnd.google-earth.kmz
gpx: application/gpx+xml
php php3 php4 php5 php7 php8 phps pht phtm phtml phar: text/x-php
asp aspx ashx asmx jsp jspx cfm cgi: text/x-server-page
py: text/x-python
rb: text/x-ruby
pl: text/x-perl
lua: text/x-lua
sh bash: text/x-shellscript
bat cmd ps1 vbs: text/x-windows-script
hta: application/hta
zip: application/zip
rar: application/vnd.rar
7z: application/x-7z-compressed
tar: application/x-tar
gz: application/gzip
tgz: application/x-compressed-tar application/gzip
bz2 tbz tbz2: application/x-bzip2
xz txz: application/x-xz
zst: application/zstd
iso: application/x-iso9660-image
dmg: application/x-apple-diskimage
exe dll scr com sys: application/vnd.microsoft.portable-executable
msi: application/x-ms-installer
apk: application/vnd.android.package-archive
jar war: application/java-archive
deb: application/vnd.debian.binary-package
rpm: application/x-rpm
swf: application/x-shockwave-flash
wasm: application/wasm
ttf: font/ttf
otf: font/otf
ttc: font/collection
woff: font/woff
woff2: font/woff2
eot: application/vnd.ms-fontobject
glb: model/gltf-binary
gltf: model/gltf+json
obj: model/obj
stl: model/stl
usdz: model/vnd.usdz+zip
3mf: application/vnd.ms-package.3dmanufacturing-3dmodel+xml
sqlite db: application/vnd.sqlite3
parquet: application/vnd.apache.parquet
dcm: application/dicom
`
