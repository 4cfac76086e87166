// SPDX-License-Identifier: Apache-2.0

// @remix-run/multipart-parser, which has multipart only. Raised: its sizes and
// the number of parts.

import { parseMultipartRequest } from '@remix-run/multipart-parser/node'
import { serve, stream, Unsupported, version } from './frames.mjs'

const size = 1 << 30
const unlimited = { maxHeaderSize: size, maxFileSize: size, maxParts: size, maxTotalSize: size }

async function read(request, reading) {
  for (const [name, value] of new URLSearchParams('?' + request.query)) reading.addQuery(name, value)
  if (request.body.length === 0) return
  if (/urlencoded/i.test(request.contentType)) throw new Unsupported()
  for await (const part of parseMultipartRequest(stream(request), unlimited)) {
    if (part.isFile) {
      const file = reading.addFile(part.name, part.filename, part.mediaType)
      file.write(part.bytes)
      file.end()
    } else {
      reading.addField(part.name, part.text)
    }
  }
}

serve('@remix-run/multipart-parser', version('@remix-run/multipart-parser'), read)
