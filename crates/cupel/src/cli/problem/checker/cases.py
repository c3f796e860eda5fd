#!/usr/bin/env python3
"""Writes the secret tests: run it in the package's directory after a change."""
from pathlib import Path

for number, n in enumerate([2, 3, 10**9], 1):
    place = Path("tests/secret") / f"{number:02}"
    place.with_suffix(".in").write_text(f"{n}\n")
    place.with_suffix(".out").write_text(f"{n // 2} {n - n // 2}\n")
