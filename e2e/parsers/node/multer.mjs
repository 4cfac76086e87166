// SPDX-License-Identifier: Apache-2.0

// multer, with files in memory. Raised: the size of a field. For the query: node's
// own querystring.

import multer from 'multer'
import { parse } from 'node:querystring'
import { addNested, addPairs, serve, stream, Unsupported, version } from './frames.mjs'

const any = multer({ storage: multer.memoryStorage(), limits: { fieldSize: Infinity } }).any()

async function read(request, reading) {
  addPairs((name, value) => reading.addQuery(name, value), parse(request.query, '&', '=', { maxKeys: 0 }))
  if (request.body.length === 0) return
  const incoming = stream(request)
  await new Promise((resolve, reject) => any(incoming, {}, (e) => (e ? reject(e) : resolve())))
  if (incoming.body === undefined) throw new Unsupported()
  addNested((name, value) => reading.addField(name, value), incoming.body)
  for (const { fieldname, originalname, mimetype, buffer } of incoming.files) {
    const file = reading.addFile(fieldname, originalname, mimetype)
    file.write(buffer)
    file.end()
  }
}

serve('multer', version('multer'), read)
