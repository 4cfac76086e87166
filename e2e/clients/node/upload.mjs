// SPDX-License-Identifier: Apache-2.0

// Uploads with a version of @uploadcare/upload-client and prints what came of it
// as JSON, a result for each task. The only argument says what to do: {"package",
// "tasks": [{"task", "files", "url", "options"}]}. package is a name in
// package.json.
import dns from 'node:dns'
import { readFile } from 'node:fs/promises'

// uploadFromUrl listens to Uploadcare's push service beside asking the Upload
// API. Tests stay on this machine: names do not resolve here.
dns.lookup = (hostname, ...rest) => {
  const error = Object.assign(new Error(`${hostname} is not resolved`), { code: 'ENOTFOUND' })
  process.nextTick(rest.at(-1), error)
}

const job = JSON.parse(process.argv[2])
const { UploadError, UploadClientError, uploadFile, uploadFileGroup } = await import(job.package)
const Failure = UploadError ?? UploadClientError // which is its older name

const kinds = {
  file: async ({ files, options }) => uploadFile(await readFile(files[0]), options),
  url: ({ url, options }) => uploadFile(url, options),
  group: async ({ files = [], options }) => uploadFileGroup(await Promise.all(files.map((path) => readFile(path))), options)
}

const results = []
for (const task of job.tasks) {
  try {
    const { uuid, files } = await kinds[task.task](task)
    results.push({ uuid, files: files?.map((file) => file.uuid) })
  } catch (error) {
    const { name, code, message } = error
    results.push({ error: { isUploadError: Failure !== undefined && error instanceof Failure, name, code, message } })
  }
}
process.stdout.write(JSON.stringify(results))
