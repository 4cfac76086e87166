// SPDX-License-Identifier: Apache-2.0

// The suite's protocol: requests come in on stdin, readings go out on stdout.
// See ../python/frames.py.

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'

const encode = (text) => Buffer.from(text ?? '').toString('base64')

// Unsupported says that the parser does not read bodies of this type.
export class Unsupported extends Error {}

class Reading {
  query = []
  fields = []
  files = []
  error = ''
  unsupported = false

  addQuery(name, value) { this.query.push([encode(name), encode(value)]) }
  addField(name, value) { this.fields.push([encode(name), encode(value)]) }

  // addFile takes the content as chunks that may still be coming.
  addFile(name, filename, contentType) {
    const file = [encode(name), encode(filename), encode(contentType), 0, '']
    const hash = createHash('sha256')
    this.files.push(file)
    return {
      write(chunk) { hash.update(chunk); file[3] += chunk.length },
      end() { file[4] = hash.digest('hex') },
    }
  }
}

// addNested adds what a parser made of names with brackets: objects and arrays.
export function addNested(add, value, name = '') {
  if (value !== null && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) addNested(add, inner, name === '' ? key : `${name}[${key}]`)
  } else if (value !== undefined) {
    add(name, value)
  }
}

// addPairs adds what node's querystring made of a query.
export function addPairs(add, values) {
  for (const [name, value] of Object.entries(values)) {
    for (const one of [value].flat()) add(name, one)
  }
}

// stream returns the request as node's HTTP server has it.
export function stream(request) {
  const incoming = Readable.from(request.body.length ? [request.body] : [], { objectMode: false })
  incoming.headers = {
    'content-type': request.contentType,
    'content-length': String(request.body.length),
  }
  incoming.method = request.method
  incoming.url = '/base/' + (request.query ? '?' + request.query : '')
  return incoming
}

export function version(name) {
  return createRequire(import.meta.url)(`./node_modules/${name}/package.json`).version
}

// fail ends the reading that is under way: some parsers throw where nothing
// catches it, which takes a server down.
let fail = () => {}
process.on('uncaughtException', (e) => fail(e))
process.on('unhandledRejection', (e) => fail(e))

async function readOne(header, body, read) {
  const reading = new Reading()
  const request = {
    method: header.method,
    query: Buffer.from(header.query, 'base64').toString('latin1'),
    contentType: Buffer.from(header.content_type, 'base64').toString('latin1'),
    body,
  }
  let timer
  try {
    await new Promise((resolve, reject) => {
      fail = reject
      timer = setTimeout(() => reject(new Error('the parser does not come to an end')), 5000)
      Promise.resolve().then(() => read(request, reading)).then(resolve, reject)
    })
  } catch (e) {
    reading.unsupported = e instanceof Unsupported
    if (!reading.unsupported) reading.error = String(e).slice(0, 300) || 'error'
  }
  clearTimeout(timer)
  return JSON.stringify(reading) + '\n'
}

// serve has read(request, reading) fill in a reading of each request.
export async function serve(parser, parserVersion, read) {
  process.stdout.write(JSON.stringify({ parser, version: parserVersion }) + '\n')
  let buffer = Buffer.alloc(0)
  for await (const chunk of process.stdin) {
    buffer = Buffer.concat([buffer, chunk])
    for (;;) {
      const end = buffer.indexOf(10)
      if (end < 0) break
      const header = JSON.parse(buffer.toString('latin1', 0, end))
      if (buffer.length < end + 1 + header.length) break
      const body = Buffer.from(buffer.subarray(end + 1, end + 1 + header.length))
      buffer = buffer.subarray(end + 1 + header.length)
      process.stdout.write(await readOne(header, body, read))
    }
  }
}
