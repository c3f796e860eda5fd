# Needs as many bowls as the temperature has degrees.
t = 0
while True:
    print("?", t + 1, flush=True)
    if input() != "holds":
        break
    t += 1
print("!", t, flush=True)
