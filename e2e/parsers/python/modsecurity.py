# SPDX-License-Identifier: Apache-2.0
"""libmodsecurity, a firewall's parser, by way of ../modsecurity/reading.cc. Raised: the sizes and number of files."""
import ctypes
import os
import tempfile

from frames import Unsupported, serve

library = ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "modsecurity", "reading.so"))
library.modsecurity_version.restype = library.modsecurity_configure.restype = ctypes.c_char_p
library.modsecurity_read.restype = ctypes.c_void_p
library.modsecurity_read.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)]

directory = tempfile.TemporaryDirectory(prefix="modsecurity")
problem = library.modsecurity_configure(f"""
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecRequestBodyLimit 1073741824
SecRequestBodyNoFilesLimit 1073741824
SecUploadDir {directory.name}
SecUploadKeepFiles On
SecUploadFileLimit 1000000
""".encode())
if problem:
    raise SystemExit(problem.decode())


def texts(data):
    """What reading.cc has written, each text with its length before it."""
    at = 0
    while at < len(data):
        colon = data.index(b":", at)
        at = colon + 1 + int(data[at:colon])
        yield data[colon + 1:at]


def read(request, reading):
    target = b"/base/" + (b"?" + request.query if request.query else b"")
    length = ctypes.c_size_t()
    found = library.modsecurity_read(request.method.encode(), target, request.content_type, len(request.content_type), request.body, len(request.body), ctypes.byref(length))
    by_kind = {b"error": [], b"query": [], b"field": [], b"file": [], b"filename": [], b"path": []}
    parts = list(texts(ctypes.string_at(found, length.value)))
    for kind, name, value in zip(parts[::3], parts[1::3], parts[2::3]):
        by_kind[kind].append((name, value))
    contents = [content_of(path) for path, _ in by_kind[b"path"]]
    for name, value in by_kind[b"query"]:
        reading.add_query(name, value)
    for name, value in by_kind[b"field"]:
        reading.add_field(name, value)
    for (name, _), (_, filename), content in zip(by_kind[b"file"], by_kind[b"filename"], contents):
        reading.add_file(name, filename, "", content)
    for _, message in by_kind[b"error"]:
        raise ValueError(message.decode("latin-1"))
    lower = request.content_type.lower()
    if request.body and not lower.startswith((b"multipart/form-data", b"application/x-www-form-urlencoded")):
        raise Unsupported


def content_of(path):
    """An empty file has no path."""
    if not path:
        return b""
    with open(path, "rb") as file:
        content = file.read()
    os.unlink(path)
    return content


serve("libmodsecurity", library.modsecurity_version().decode(), read)
