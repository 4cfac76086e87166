// SPDX-License-Identifier: Apache-2.0

// multiparty, which has multipart only. Raised: the number and size of fields.

import { Form } from 'multiparty'
import { parse } from 'node:querystring'
import { addPairs, serve, stream, Unsupported, version } from './frames.mjs'

function read(request, reading) {
  addPairs((name, value) => reading.addQuery(name, value), parse(request.query, '&', '=', { maxKeys: 0 }))
  if (request.body.length === 0) return undefined
  if (/urlencoded/i.test(request.contentType)) throw new Unsupported()
  return new Promise((resolve, reject) => {
    const form = new Form({ maxFields: Infinity, maxFieldsSize: Infinity })
    form.on('field', (name, value) => reading.addField(name, value))
    form.on('part', (part) => {
      const file = reading.addFile(part.name, part.filename, part.headers['content-type'])
      part.on('data', (chunk) => file.write(chunk))
      part.on('end', () => file.end())
      part.on('error', reject)
    })
    form.on('error', reject)
    form.on('close', resolve)
    form.parse(stream(request))
  })
}

serve('multiparty', version('multiparty'), read)
