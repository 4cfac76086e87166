# SPDX-License-Identifier: Apache-2.0
"""aiohttp: web.Request.post() and .query. Raised: the size of the body."""
import asyncio

import aiohttp
from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from frames import serve

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


class Transport(asyncio.Transport):
    """What a request asks of its connection has no bearing on forms."""


async def connect():
    protocol = web.Server(None)()
    protocol.transport = Transport()
    return protocol


protocol = loop.run_until_complete(connect())


def target_url(target):
    """The URL of a request line, as aiohttp's parser makes it."""
    path, _, fragment = target.partition("#")
    path, _, query = path.partition("?")
    return URL.build(path=path, query_string=query, fragment=fragment, encoded=True)


async def post(request, reading):
    payload = StreamReader(protocol, 1 << 30, loop=loop)
    payload.feed_data(request.body)
    payload.feed_eof()
    query = request.query.decode("utf-8", "surrogateescape")
    target = "/base/" + ("?" + query if query else "")
    content_type = request.content_type.decode("utf-8", "surrogateescape")
    headers = CIMultiDictProxy(CIMultiDict({"Content-Type": content_type, "Content-Length": str(len(request.body))}))
    message = RawRequestMessage(request.method, target, HttpVersion11, headers, (), False, None, False, False, target_url(target))
    http = web.BaseRequest(message, payload, protocol, None, None, loop, client_max_size=1 << 30)
    for name, value in http.query.items():
        reading.add_query(name, value)
    for name, value in (await http.post()).items():
        if isinstance(value, web.FileField):
            reading.add_file(name, value.filename, value.content_type, value.file.read())
        else:
            reading.add_field(name, value)


serve("aiohttp", aiohttp.__version__, lambda request, reading: loop.run_until_complete(post(request, reading)))
