# Checks standard input against `grammar.ctd` with checktestdata, a PyPI package (MIT licence).
# Exits with 0 if it matches, 1 if it does not, 2 if the grammar is faulty; `--version` shows whether checktestdata is
# installed.
import sys

sys.path.append("/usr/local/lib/cupel/pip")
from checktestdata.pyctd import main

sys.argv[1:] = sys.argv[1:2] if sys.argv[1:2] == ["--version"] else ["grammar.ctd"]
main()
