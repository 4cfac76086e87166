// SPDX-License-Identifier: Apache-2.0

// What busboy and its descendant share.

import { parse } from 'node:querystring'
import { addPairs, stream, Unsupported } from './frames.mjs'

// readForm reads with a parser that create makes; describe returns what its
// `file` event says of a file.
export function readForm(create, describe) {
  return (request, reading) => {
    addPairs((name, value) => reading.addQuery(name, value), parse(request.query, '&', '=', { maxKeys: 0 }))
    if (request.body.length === 0) return undefined
    return new Promise((resolve, reject) => {
      const incoming = stream(request)
      let parser
      try {
        parser = create(incoming.headers)
      } catch (e) {
        reject(/unsupported/i.test(e.message) && !/multipart/i.test(request.contentType) ? new Unsupported() : e)
        return
      }
      parser.on('field', (name, value) => reading.addField(name, value))
      parser.on('file', (name, content, ...rest) => {
        const { filename, mimeType } = describe(...rest)
        const file = reading.addFile(name, filename, mimeType)
        content.on('data', (chunk) => file.write(chunk))
        content.on('end', () => file.end())
        content.on('error', reject)
      })
      parser.on('error', reject)
      parser.on('finish', resolve)
      parser.on('close', resolve)
      incoming.pipe(parser)
    })
  }
}
