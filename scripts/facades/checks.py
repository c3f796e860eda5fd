"""Runs checks: functions whose names state a rule."""

import sys
import traceback


def run_all(checks):
    """Runs every check, prints the result of each, and exits with 1 if one of them failed."""
    failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        try:
            check()
            print(f"  ok      {name}", flush=True)
        except Exception:  # A fault of one check must not hide those of others.
            failed += 1
            print(f"  FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
