// SPDX-License-Identifier: Apache-2.0

// undici, node's fetch: formData(), which Remix, Next.js, Hono and others read
// forms with, and URLSearchParams.

import { Response } from 'undici'
import { serve, Unsupported, version } from './frames.mjs'

async function read(request, reading) {
  for (const [name, value] of new URLSearchParams('?' + request.query)) reading.addQuery(name, value)
  if (request.body.length === 0) return
  const response = new Response(request.body, { headers: { 'content-type': request.contentType } })
  if (!/multipart|urlencoded/i.test(request.contentType)) throw new Unsupported()
  for (const [name, value] of await response.formData()) {
    if (typeof value === 'string') {
      reading.addField(name, value)
    } else {
      const file = reading.addFile(name, value.name, value.type)
      file.write(Buffer.from(await value.arrayBuffer()))
      file.end()
    }
  }
}

serve('undici', version('undici'), read)
