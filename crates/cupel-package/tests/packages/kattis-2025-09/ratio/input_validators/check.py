import sys
a, b = map(int, sys.stdin.read().split())
sys.exit(42 if b != 0 and a <= {{top}} else 43)
