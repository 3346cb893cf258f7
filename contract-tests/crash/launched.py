"""`python -m crash.launched [APP]`: becomes a service as it is deployed, which ends when the suite ends.

Without APP it is the application of the package that the environment names.
"""

import os
import signal
import sys

from contract.deployed import command

from tryout import children

if __name__ == "__main__":
    children.end_when_parent_ends(signal.SIGKILL)
    whole = [*command(), *sys.argv[1:]]
    os.execv(whole[0], whole)  # noqa: S606 - the command is ours
