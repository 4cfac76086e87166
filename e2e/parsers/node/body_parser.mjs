// SPDX-License-Identifier: Apache-2.0

// body-parser with qs, which is Express: urlencoded bodies and queries only.
// Raised: size, and number of parameters.

import bodyParser from 'body-parser'
import qs from 'qs'
import { addNested, serve, stream, Unsupported, version } from './frames.mjs'

const urlencoded = bodyParser.urlencoded({ extended: true, limit: Infinity, parameterLimit: 1 << 30 })

async function read(request, reading) {
  addNested((name, value) => reading.addQuery(name, value), qs.parse(request.query, { allowPrototypes: true, parameterLimit: 1 << 30 }))
  if (request.body.length === 0) return
  const incoming = stream(request)
  await new Promise((resolve, reject) => urlencoded(incoming, {}, (e) => (e ? reject(e) : resolve())))
  if (incoming.body === undefined) throw new Unsupported()
  addNested((name, value) => reading.addField(name, value), incoming.body)
}

serve('body-parser', `${version('body-parser')}, qs ${version('qs')}`, read)
