# @EXPECTED_RESULTS@: TIMELIMIT, CORRECT
a, b = map(int, input().split())
print(a + b)
