# Shortens the piece that begins at the first bead, and looks no further.
cord = input()
colours = len(set(cord))
end = next(at for at in range(1, len(cord) + 1) if len(set(cord[:at])) == colours)
begin = next(at for at in range(end - 1, -1, -1) if len(set(cord[at:end])) == colours)
print(end - begin, begin + 1)
