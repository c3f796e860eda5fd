"""42 accepts one line of words. If the first argument is a number, it is the maximum number of words."""
import re
import sys

line = sys.stdin.read()
most = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 100
right = re.fullmatch(r"[A-Za-z]{1,{{LONGEST}}}( [A-Za-z]{1,{{LONGEST}}})*\n", line)
sys.exit(42 if right and len(line.split()) <= most else 43)
