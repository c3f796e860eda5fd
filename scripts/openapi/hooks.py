"""What no schema can say, for schemathesis: which languages and tiers a server has, and which times and addresses it takes."""

import datetime
import uuid

import schemathesis

# Bound to the time of the request, to the language, or to the network.
LEFT_OUT = ("run_at", "webhook", "limits")


@schemathesis.hook
def map_body(context, body):
    return acceptable(body)


@schemathesis.hook
def map_query(context, query):
    if query and "language" in query:
        query["language"] = "python"
    if query and "cursor" in query:
        # Pages are numbered, or they go on from a place that an earlier answer named; empty is the first.
        query["cursor"] = ""
        query.pop("page", None)
    if query:
        # No schema says that one time is before the other, or how far from now.
        query.pop("from", None)
        query.pop("to", None)
    return query


@schemathesis.hook
def map_headers(context, headers):
    # A key belongs to one request.
    if headers and "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid.uuid4())
    return headers


def acceptable(value):
    # To JSON Schema, 1.0 is an integer; to the API it is not.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [acceptable(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    value = {name: acceptable(entry) for name, entry in value.items() if name not in LEFT_OUT}
    if isinstance(value.get("language"), str):
        value["language"] = "python"
    if isinstance(value.get("expires_at"), str):
        value["expires_at"] = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    if isinstance(value.get("tier"), str):
        value["tier"] = "basic"
    # Paths and names have to differ from each other, and variables have names of their own.
    for number, entry in enumerate(value.get("files") or []):
        if isinstance(entry, dict) and "path" in entry:
            entry["path"] = f"file{number}.py"
        if isinstance(entry, dict) and isinstance(entry.get("content_base64"), str):
            entry["content_base64"] = "cHJpbnQoMSk="
        # The main source is not empty; others may be.
        if isinstance(entry, dict) and entry.get("content") == "":
            entry["content"] = "1"
    for number, entry in enumerate(value.get("tests") or []):
        if isinstance(entry, dict):
            entry.pop("name", None)
    if "env" in value:
        value["env"] = {}
    if "args" in value:
        value["args"] = []
    return value
