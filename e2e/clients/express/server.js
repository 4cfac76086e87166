// SPDX-License-Identifier: Apache-2.0

// A back end that signs uploads for requests that prove to come from its own application.
import { createHmac } from 'node:crypto'
import express from 'express'

const { PORT, PROJECT_SECRET, APP_KEY, LIFETIME = '3600', SHORT_NAMES } = process.env
let calls = 0

express()
  .get('/calls', (_, response) => response.json(calls))
  .get('/api/uploadcare-signature', (request, response) => {
    calls++
    if (request.get('Authorization') !== `Bearer ${APP_KEY}`) return response.sendStatus(401)
    const until = Math.floor(Date.now() / 1000) + Number(LIFETIME)
    const signed = createHmac('sha256', PROJECT_SECRET).update(`${until}`).digest('hex')
    response.json(SHORT_NAMES ? { signature: signed, expire: until } : { secureSignature: signed, secureExpire: `${until}` })
  })
  .listen(Number(PORT), '127.0.0.1')
