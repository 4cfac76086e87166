# SPDX-License-Identifier: Apache-2.0
"""Django: HttpRequest.POST, .FILES and .GET. Raised: the number of fields and files, and their size in memory."""
import django
from django.conf import settings

settings.configure(
    DATA_UPLOAD_MAX_NUMBER_FIELDS=None,
    DATA_UPLOAD_MAX_NUMBER_FILES=None,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    FILE_UPLOAD_MAX_MEMORY_SIZE=1 << 30,
    LOGGING_CONFIG=None,
)
django.setup()

from django.core.handlers.wsgi import WSGIRequest  # noqa: E402 (needs the settings)

from frames import serve  # noqa: E402


def read(request, reading):
    http = WSGIRequest(request.environ())
    for name, values in http.GET.lists():
        for value in values:
            reading.add_query(name, value)
    for name, values in http.POST.lists():
        for value in values:
            reading.add_field(name, value)
    for name, files in http.FILES.lists():
        for file in files:
            reading.add_file(name, file.name, file.content_type, file.read())


serve("Django", django.get_version(), read)
