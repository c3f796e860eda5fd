"""Checks the examples of the OpenAPI document against their schemas.

    examples.py OPENAPI.JSON

Prints one line per fault, and exits with 1 if there is any. schemathesis does not report such faults.
"""

import json
import sys

import jsonschema_rs

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)

components = {"components": document["components"]}
examples = [
    (name, {"$ref": f"#/components/schemas/{name}"}, schema["example"])
    for name, schema in document["components"]["schemas"].items()
    if "example" in schema
]
for path, item in document["paths"].items():
    for method, operation in item.items():
        if method == "parameters":
            continue
        parts = [("request", operation.get("requestBody", {}))]
        parts += list(operation.get("responses", {}).items())
        for part, body in parts:
            for content in body.get("content", {}).values():
                values = [content["example"]] if "example" in content else []
                values += [one["value"] for one in content.get("examples", {}).values() if "value" in one]
                examples += [(f"{method.upper()} {path}, {part}", content["schema"], value) for value in values]

faults = [
    f"{where}: {error.message} (at /{'/'.join(map(str, error.instance_path))})"
    for where, schema, value in examples
    for error in jsonschema_rs.Draft202012Validator({**schema, **components}).iter_errors(value)
]
print("\n".join(faults) if faults else f"{len(examples)} examples match their schemas")
sys.exit(1 if faults else 0)
