# SPDX-License-Identifier: Apache-2.0

"""Uploads with requests: python_requests.py <base URL> <task> <argument...>."""

import sys

import requests

KEY = "demopublickey"
# A pair that was signed long ago, in a way of long ago.
STALE = {"signature": "46f70d2b4fb6196daeb2c16bf44a7f1e", "expire": "1454903856"}


def direct(base, path, stale):
    with open(path, "rb") as file:
        return requests.post(
            base + "/base/",
            data={"UPLOADCARE_PUB_KEY": KEY, "UPLOADCARE_STORE": "auto", **stale},
            files={"file": file},
            timeout=60,
        )


def group(base, ids, stale):
    return requests.post(
        base + "/group/", data={"pub_key": KEY, "files[]": ids, **stale}, timeout=60
    )


base, task, *arguments = sys.argv[1:]
response = {
    "direct": lambda: direct(base, arguments[0], {}),
    "direct-stale": lambda: direct(base, arguments[0], STALE),
    "group": lambda: group(base, arguments, {}),
    "group-stale": lambda: group(base, arguments, STALE),
}[task]()
response.raise_for_status()
print(response.text, end="")
