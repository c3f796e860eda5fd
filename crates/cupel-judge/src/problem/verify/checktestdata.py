# Asks checktestdata, a package of PyPI's (MIT), whether standard input is as `grammar.ctd` says.
# Ends with 0 if it is, 1 if it is not, 2 if the grammar is at fault; `--version` says whether checktestdata is there.
import sys

sys.path.append("/usr/local/lib/cupel/pip")
from checktestdata.pyctd import main

sys.argv[1:] = sys.argv[1:2] if sys.argv[1:2] == ["--version"] else ["grammar.ctd"]
main()
