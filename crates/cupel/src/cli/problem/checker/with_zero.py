# Zero is not positive.
print(0, input())
