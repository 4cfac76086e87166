# SPDX-License-Identifier: Apache-2.0
"""Tornado: parse_body_arguments, as its HTTP server calls it."""
import logging

import tornado
from tornado.escape import parse_qs_bytes
from tornado.httputil import HTTPHeaders, HTTPServerRequest

from frames import serve

logging.disable(logging.CRITICAL)  # it logs what it cannot read, and reads nothing


def read(request, reading):
    query = request.query.decode("latin-1")
    http = HTTPServerRequest(
        method=request.method,
        uri="/base/" + ("?" + query if query else ""),
        headers=HTTPHeaders({"Content-Type": request.content_type.decode("latin-1"), "Host": "localhost"}),
        body=request.body,
    )
    http._parse_body()
    for name, values in http.query_arguments.items():
        for value in values:
            reading.add_query(name, value)
    for name, values in http.body_arguments.items():
        for value in values:
            reading.add_field(name, value)
    for name, files in http.files.items():
        for file in files:
            reading.add_file(name, file["filename"], file["content_type"], file["body"])


serve("Tornado", tornado.version, read)
