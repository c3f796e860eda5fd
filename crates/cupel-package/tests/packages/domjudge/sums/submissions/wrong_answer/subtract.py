# @EXPECTED_RESULTS@: WRONG-ANSWER
a, b = map(int, input().split())
print(a - b)
