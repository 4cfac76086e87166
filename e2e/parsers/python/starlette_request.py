# SPDX-License-Identifier: Apache-2.0
"""Starlette, FastAPI's: Request.form() with python-multipart, and .query_params. Raised: the number of fields and files."""
import asyncio
import logging
from importlib.metadata import version

import starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request

from frames import serve

logging.disable(logging.CRITICAL)
loop = asyncio.new_event_loop()


async def form(request, reading):
    sent = False

    async def receive():
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": request.body, "more_body": False}

    scope = {
        "type": "http",
        "method": request.method,
        "path": "/base/",
        "query_string": request.query,
        "headers": [(b"content-type", request.content_type)],
    }
    http = Request(scope, receive)
    for name, value in http.query_params.multi_items():
        reading.add_query(name, value)
    data = await http.form(max_files=1 << 30, max_fields=1 << 30)
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            reading.add_file(name, value.filename, value.content_type, await value.read())
        else:
            reading.add_field(name, value)


serve(
    "Starlette",
    f"{starlette.__version__}, python-multipart {version('python-multipart')}",
    lambda request, reading: loop.run_until_complete(form(request, reading)),
)
