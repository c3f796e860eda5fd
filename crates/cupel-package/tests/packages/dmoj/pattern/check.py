# Arguments: input, output, answer. Exit code 7 with `partial X/Y` gives a share of the points.
import sys

output, answer = (open(name).read().split() for name in sys.argv[2:4])
if output == answer:
    sys.exit(0)
if output and abs(int(output[0]) - int(answer[0])) == 1:
    print("partial 1/2", file=sys.stderr)
    sys.exit(7)
sys.exit(1)
