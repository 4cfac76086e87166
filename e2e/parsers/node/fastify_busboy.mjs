// SPDX-License-Identifier: Apache-2.0

// @fastify/busboy, which @fastify/multipart is made of. Raised: the size of a
// field and the number of fields and parts.

import { Busboy } from '@fastify/busboy'
import { readForm } from './busboylike.mjs'
import { serve, version } from './frames.mjs'

const limits = { fieldSize: Infinity, fields: Infinity, parts: Infinity, files: Infinity }
serve('@fastify/busboy', version('@fastify/busboy'), readForm((headers) => new Busboy({ headers, limits }), (filename, encoding, mimeType) => ({ filename, encoding, mimeType })))
