import sys
import time

words = sorted(input().split())
while sys.argv[1:] == ["many"] and time.process_time() < 1.5:
    pass
print(*words)
