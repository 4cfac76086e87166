# SPDX-License-Identifier: Apache-2.0
"""CherryPy: RequestBody.process(), as its HTTP server calls it."""
import io

import cherrypy
from cherrypy._cpreqbody import Part, RequestBody
from cherrypy.lib import httputil

from frames import serve


class Request:
    """What RequestBody reads of a request."""
    def __init__(self):
        self.params, self.config = {}, {}


def read(request, reading):
    for name, values in httputil.parse_query_string(request.query.decode("latin-1")).items():
        for value in values if isinstance(values, list) else [values]:
            reading.add_query(name, value)
    headers = httputil.HeaderMap()
    headers["Content-Type"] = request.content_type.decode("latin-1")
    headers["Content-Length"] = str(len(request.body))
    http = Request()
    http.headers = headers
    body = RequestBody(io.BytesIO(request.body), headers, request_params=http.params)
    cherrypy.serving.request.headers = headers
    body.process()
    for name, values in body.params.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, Part):
                reading.add_file(name, value.filename, str(value.content_type), value.file.read())
            else:
                reading.add_field(name, value)


serve("CherryPy", cherrypy.__version__, read)
