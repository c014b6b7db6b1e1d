"""The environment of a process that calls only 127.0.0.1: the few variables that it needs.

Other variables of the shell are left out, since any of them may hold a secret or change what a tool
does.
"""

import os
from collections.abc import Iterable, Mapping

EVERY_PROCESS = (
    "PATH",
    "TMPDIR",
    # The encoding of input and output.
    *("LANG", "LC_ALL", "LC_CTYPE"),
    # Without these a Python outside of the system's folders may not start.
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
)


def process_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of the shell (by default of this process) that every process may have.

    There is no proxy or certificate, since these processes call only 127.0.0.1, and no HOME, since
    the caller sets one.
    """
    return chosen(EVERY_PROCESS, shell)


def chosen(names: Iterable[str], shell: Mapping[str, str] | None) -> dict[str, str]:
    """Return those of the named variables that the shell (by default this process) has."""
    given = os.environ if shell is None else shell
    return {name: given[name] for name in names if name in given}


def keep_only(*names: str) -> None:
    """Remove all variables of this process but the named ones and those of every process."""
    kept = chosen((*EVERY_PROCESS, *names), None)
    os.environ.clear()
    os.environ.update(kept)
