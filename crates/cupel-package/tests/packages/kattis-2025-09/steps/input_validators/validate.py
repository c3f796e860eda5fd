#!/usr/bin/env python3
import re
import sys

line = sys.stdin.readline()
if not re.fullmatch(r"(0|-?[1-9]\d*) (0|-?[1-9]\d*)\n", line) or sys.stdin.readline():
    sys.exit(43)
sys.exit(42)
