"""Checks that the patterns of the OpenAPI document allow and refuse the values of a table.

patterns.py OPENAPI-JSON TABLE; the test `document.rs` of cupel-api checks that the server does the same.
"""

import json
import re
import sys

document, table = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
for row in table:
    schema, field = row["schema"], row["field"]
    pattern = re.compile(document["components"]["schemas"][schema]["properties"][field]["pattern"])
    for text in row["allowed"]:
        assert pattern.search(text), f"{schema}.{field} refuses {text!r}"
    for text in row["refused"]:
        assert not pattern.search(text), f"{schema}.{field} allows {text!r}"
