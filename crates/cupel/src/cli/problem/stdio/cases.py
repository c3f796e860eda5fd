#!/usr/bin/env python3
"""Writes the secret tests: run it in the package's directory after a change."""
from pathlib import Path

pairs = [(0, 0), (-5, 5), (10**9, 10**9), (-10**9, -10**9)]
for number, (a, b) in enumerate(pairs, 1):
    place = Path("tests/secret") / f"{number:02}"
    place.with_suffix(".in").write_text(f"{a} {b}\n")
    place.with_suffix(".out").write_text(f"{a + b}\n")
