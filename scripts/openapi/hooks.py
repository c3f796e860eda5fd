"""Schemathesis hooks that adjust generated requests to rules that a schema cannot express, such as the server's languages and tiers."""

import datetime
import json
import os
import uuid

import schemathesis

# Valid values of these fields depend on the time of the request, on the network, or on the images of the server.
LEFT_OUT = ("run_at", "webhook", "image")
# The maxima of Python's limits (`limits_max` of the language). A schema cannot have them, because each language has its own.
LIMITS_MAX = json.loads(os.environ["LIMITS_MAX"])


@schemathesis.hook
def map_body(context, body):
    return acceptable(body)


@schemathesis.hook
def map_query(context, query):
    if query and "language" in query:
        query["language"] = "python"
    if query and "cursor" in query:
        # A page is selected by number or by the cursor of an earlier response, not by both. An empty cursor is the first page.
        query["cursor"] = ""
        query.pop("page", None)
    return query


@schemathesis.hook
def map_headers(context, headers):
    # An idempotency key must not be reused for another request.
    if headers and "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid.uuid4())
    if headers:
        # A schema cannot express the entity tag that a resource has.
        headers.pop("If-Match", None)
        headers.pop("If-None-Match", None)
    return headers


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and "language_id" in path_parameters:
        path_parameters["language_id"] = "python"
    return path_parameters


def acceptable(value):
    if isinstance(value, list):
        return [acceptable(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    value = {name: acceptable(entry) for name, entry in value.items() if name not in LEFT_OUT}
    if isinstance(value.get("language"), str):
        value["language"] = "python"
        if isinstance(value.get("version"), str):
            value["version"] = "3"
    limits = value.get("limits")
    if isinstance(limits, dict):
        value["limits"] = {name: most(name, limit) for name, limit in limits.items()}
    if isinstance(value.get("expires_at"), str):
        value["expires_at"] = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    if isinstance(value.get("tier"), str):
        value["tier"] = "basic"
    # All paths together have a maximum length, and so has each component of a path.
    if isinstance(value.get("fetch_files"), list):
        value["fetch_files"] = [f"file{number}" for number in range(len(value["fetch_files"]))]
    # Paths and test names must be unique.
    for number, entry in enumerate(value.get("files") or []):
        if isinstance(entry, dict) and "path" in entry:
            entry["path"] = f"file{number}.py"
        if isinstance(entry, dict) and isinstance(entry.get("content_base64"), str):
            entry["content_base64"] = "cHJpbnQoMSk="
        # The main source file must not be empty; other files may be.
        if isinstance(entry, dict) and entry.get("content") == "":
            entry["content"] = "1"
    for number, entry in enumerate(value.get("tests") or []):
        if isinstance(entry, dict):
            entry.pop("name", None)
    return value


def most(name, limit):
    """A limit, reduced to the language's maximum."""
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    return min(limit, LIMITS_MAX[name]) if is_number and LIMITS_MAX.get(name) is not None else limit
