# SPDX-License-Identifier: Apache-2.0
"""Falcon: its multipart handler, and urlencoded forms by get_media(). Raised: the number of parts and the sizes of headers and values."""
import falcon
from falcon.media import MultipartFormHandler
from falcon.request import Request

from frames import Unsupported, serve

handler = MultipartFormHandler()
handler.parse_options.max_body_part_count = 1 << 30
handler.parse_options.max_body_part_buffer_size = 1 << 30
options = falcon.RequestOptions()
options.media_handlers["multipart/form-data"] = handler
options.keep_blank_qs_values = True


def read(request, reading):
    http = Request(request.environ(), options=options)
    for name, value in http.params.items():
        for one in value if isinstance(value, list) else [value]:
            reading.add_query(name, one)
    try:
        media = http.get_media()
    except falcon.HTTPUnsupportedMediaType:
        raise Unsupported
    except falcon.MediaNotFoundError:  # there is no body
        return
    if isinstance(media, dict):
        for name, value in media.items():
            for one in value if isinstance(value, list) else [value]:
                reading.add_field(name, one)
        return
    for part in media:
        if part.filename is not None:
            reading.add_file(part.name, part.filename, part.content_type, part.stream.read())
        else:
            reading.add_field(part.name, part.stream.read())


serve("Falcon", falcon.__version__, read)
