# SPDX-License-Identifier: Apache-2.0
"""The endpoints as a Django project has them, by its defaults: paths that end with a
slash, and CommonMiddleware, which leads on to it. Runs with the port to listen on."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no use",
)
django.setup()

ENDPOINTS = ["base/", "group/", "multipart/start/", "info/"]
urlpatterns = [path(name, lambda request, name=name: HttpResponse("/" + name)) for name in ENDPOINTS]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), handler_class=Quiet).serve_forever()
