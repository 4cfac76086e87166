# SPDX-License-Identifier: Apache-2.0
"""Werkzeug: Request.form, .files and .args. Raised: the number of parts and their size in memory."""
from importlib.metadata import version

from werkzeug.wrappers import Request

from frames import serve


class Unlimited(Request):
    max_form_parts = None
    max_form_memory_size = None


def read(request, reading):
    http = Unlimited(request.environ())
    for name, value in http.args.items(multi=True):
        reading.add_query(name, value)
    for name, value in http.form.items(multi=True):
        reading.add_field(name, value)
    for name, file in http.files.items(multi=True):
        reading.add_file(name, file.filename, file.content_type, file.read())


serve("Werkzeug", version("werkzeug"), read)
