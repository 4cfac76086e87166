// SPDX-License-Identifier: Apache-2.0

package policy

// rarerTypes are further types of files of an extension, which count where they are
// declared: a name in .mp4 alone makes no file one of audio.
var rarerTypes = table(rarerTable)

const rarerTable = `
mp4 mpg4: audio/mp4
m4v: video/mp4
webm: audio/webm
ogg: video/ogg application/ogg
opus: audio/ogg
3gp 3gpp: audio/3gpp
3g2: audio/3gpp2
ts: text/x-typescript
svgz: application/gzip
`

// declaredTypes are types that browsers and systems declare for files of an extension,
// and that are not theirs: Windows has them in its registry.
var declaredTypes = table(declaredTable)

// declaredTable: extensions, and such types.
const declaredTable = `
csv tsv tab: application/vnd.ms-excel
docx dotx docm rtf odt: application/msword
xlsx xltx xlsm xlsb ods: application/vnd.ms-excel
pptx potx ppsx pptm odp: application/vnd.ms-powerpoint
gz tgz tar rar 7z zip: application/x-compressed
m4a m4b: audio/aac
m4v: video/mp4
heic heif hif: image/heif image/heic image/heic-sequence image/heif-sequence
ts mts m2ts: video/vnd.dlna.mpeg-tts
wma: audio/wma
wmv: video/wmv
`
