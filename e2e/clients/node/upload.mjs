// SPDX-License-Identifier: Apache-2.0

// Uploads with @uploadcare/upload-client and prints what came of it as JSON.
// The only argument says what to do: {"task", "files", "url", "options"}.
import dns from 'node:dns'
import { readFile } from 'node:fs/promises'
import { UploadError, uploadFile, uploadFileGroup } from '@uploadcare/upload-client'

// uploadFromUrl listens to Uploadcare's push service beside asking the Upload
// API. Tests stay on this machine: names do not resolve here.
dns.lookup = (hostname, ...rest) => {
  const error = Object.assign(new Error(`${hostname} is not looked up`), { code: 'ENOTFOUND' })
  process.nextTick(rest.at(-1), error)
}

const { task, files = [], url, options } = JSON.parse(process.argv[2])

const tasks = {
  file: async () => uploadFile(await readFile(files[0]), options),
  url: () => uploadFile(url, options),
  group: async () => uploadFileGroup(await Promise.all(files.map((path) => readFile(path))), options)
}

try {
  const { uuid, files: members } = await tasks[task]()
  print({ uuid, files: members?.map((file) => file.uuid) })
} catch (error) {
  const { name, code, message } = error
  print({ error: { isUploadError: error instanceof UploadError, name, code, message } })
}

function print(result) {
  process.stdout.write(JSON.stringify(result))
}
