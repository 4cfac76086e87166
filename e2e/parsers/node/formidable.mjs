// SPDX-License-Identifier: Apache-2.0

// formidable. Raised: the number and size of fields and files, which may be
// empty. Files go to a stream of this program instead of to disk.

import formidable from 'formidable'
import { Writable } from 'node:stream'
import { parse } from 'node:querystring'
import { addPairs, serve, stream, version } from './frames.mjs'

const unlimited = {
  maxFields: Infinity, maxFieldsSize: Infinity, maxFiles: Infinity, maxFileSize: Infinity,
  maxTotalFileSize: Infinity, allowEmptyFiles: true, minFileSize: 0,
}

async function read(request, reading) {
  addPairs((name, value) => reading.addQuery(name, value), parse(request.query, '&', '=', { maxKeys: 0 }))
  if (request.body.length === 0) return
  const contents = new Map()
  const form = formidable({
    ...unlimited,
    fileWriteStreamHandler(file) {
      const chunks = []
      contents.set(file, chunks)
      return new Writable({ write(chunk, _, done) { chunks.push(chunk); done() } })
    },
  })
  form.on('field', (name, value) => reading.addField(name, value))
  form.on('file', (name, file) => {
    const added = reading.addFile(name, file.originalFilename, file.mimetype)
    for (const chunk of contents.get(file) ?? []) added.write(chunk)
    added.end()
  })
  await form.parse(stream(request))
}

serve('formidable', version('formidable'), read)
