# Forgets that all numbers may be negative.
def largest(numbers):
    best = 0
    for number in numbers:
        best = max(best, number)
    return best
