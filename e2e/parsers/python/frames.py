# SPDX-License-Identifier: Apache-2.0
"""The suite's protocol: requests come in on stdin, readings go out on stdout.

A request is a line of JSON {"method", "query", "content_type", "length"} and
`length` bytes of body; a reading is a line of JSON. Names and values are base64,
since they need not be UTF-8. The first line that goes out names the parser.
"""
import base64
import hashlib
import json
import sys


class Unsupported(Exception):
    """The parser does not read bodies of this type."""


class Reading:
    def __init__(self):
        self.query, self.fields, self.files = [], [], []

    def add_query(self, name, value):
        self.query.append([encode(name), encode(value)])

    def add_field(self, name, value):
        self.fields.append([encode(name), encode(value)])

    def add_file(self, name, filename, content_type, content):
        self.files.append([encode(name), encode(filename), encode(content_type), len(content), hashlib.sha256(content).hexdigest()])


class Request:
    def __init__(self, header, body):
        self.method = header["method"]
        self.query = base64.b64decode(header["query"])
        self.content_type = base64.b64decode(header["content_type"])
        self.body = body

    def environ(self):
        """The request as WSGI has it (PEP 3333: bytes as Latin-1)."""
        import io
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": "/base/",
            "QUERY_STRING": self.query.decode("latin-1"),
            "CONTENT_TYPE": self.content_type.decode("latin-1"),
            "CONTENT_LENGTH": str(len(self.body)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def is_multipart(self):
        return b"multipart/" in self.content_type.lower()


def encode(text):
    if text is None:
        text = b""
    if not isinstance(text, bytes):
        text = str(text).encode("utf-8", "surrogateescape")
    return base64.b64encode(text).decode("ascii")


def serve(parser, version, read):
    """Has `read(request, reading)` fill in a reading of each request."""
    stdin, stdout = sys.stdin.buffer, sys.stdout
    print(json.dumps({"parser": parser, "version": version}), file=stdout, flush=True)
    while line := stdin.readline():
        header = json.loads(line)
        request, reading, error, unsupported = Request(header, stdin.read(header["length"])), Reading(), "", False
        try:
            read(request, reading)
        except Unsupported:
            unsupported = True
        except Exception as e:  # whatever it raises, a server would respond with an error
            error = f"{type(e).__name__}: {e}"
        result = {"query": reading.query, "fields": reading.fields, "files": reading.files, "error": error[:300], "unsupported": unsupported}
        print(json.dumps(result), file=stdout, flush=True)
