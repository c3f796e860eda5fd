#!/usr/bin/env python3
"""Writes the secret tests: run it in the package's directory after a change."""
import json
from pathlib import Path

for number, numbers in enumerate([[7], [-3, -1, -2], [10**9, -(10**9), 10**9]], 1):
    place = Path("tests/secret") / f"{number:02}"
    place.with_suffix(".in").write_text(json.dumps(numbers) + "\n")
    place.with_suffix(".out").write_text(json.dumps(max(numbers)) + "\n")
