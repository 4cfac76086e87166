// SPDX-License-Identifier: Apache-2.0

// busboy, which multer and express-fileupload are made of. Raised: the size of a
// field. For the query: node's own querystring.

import busboy from 'busboy'
import { readForm } from './busboylike.mjs'
import { serve, version } from './frames.mjs'

serve('busboy', version('busboy'), readForm((headers) => busboy({ headers, limits: { fieldSize: Infinity } }), (info) => info))
