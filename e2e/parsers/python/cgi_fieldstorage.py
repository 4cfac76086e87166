# SPDX-License-Identifier: Apache-2.0
"""Python's own cgi.FieldStorage, which WebOb (Pyramid), Bottle and old Zope read forms with."""
import sys
import warnings

warnings.simplefilter("ignore")  # cgi is deprecated
import cgi  # noqa: E402

from frames import serve  # noqa: E402
from urllib.parse import parse_qsl  # noqa: E402


def read(request, reading):
    for name, value in parse_qsl(request.query.decode("latin-1"), keep_blank_values=True):
        reading.add_query(name, value)
    environ = request.environ()
    environ["QUERY_STRING"] = ""  # it would be among the fields
    form = cgi.FieldStorage(fp=environ["wsgi.input"], environ=environ, keep_blank_values=True)
    for item in form.list or []:
        add(item, reading)


def add(item, reading):
    if item.filename:
        content = item.file.read()
        reading.add_file(item.name, item.filename, item.type, content.encode() if isinstance(content, str) else content)
    elif item.list:  # a multipart of its own
        for inner in item.list:
            add(inner, reading)
    else:
        reading.add_field(item.name, item.value)


serve("Python's cgi", sys.version.split()[0], read)
