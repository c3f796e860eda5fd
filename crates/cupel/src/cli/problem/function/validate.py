"""Checks one input: exit code 42 if it follows the rules of the statement, otherwise 43."""
import json
import sys

try:
    numbers = json.loads(sys.stdin.read())
except ValueError:
    sys.exit(43)
whole = isinstance(numbers, list) and all(type(number) is int for number in numbers)
sys.exit(42 if whole and 1 <= len(numbers) <= 1000 and all(abs(number) <= 10**9 for number in numbers) else 43)
