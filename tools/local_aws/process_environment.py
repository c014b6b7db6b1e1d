"""The environment of a process that reaches 127.0.0.1 only: made of what it needs.

Nothing else of the shell is handed on, whatever it is called: a variable that nobody here has asked
for may hold a secret, or change what a tool does.
"""

import os
from collections.abc import Iterable, Mapping

EVERY_PROCESS = (
    "PATH",
    "TMPDIR",
    # The encoding of what is read and printed.
    *("LANG", "LC_ALL", "LC_CTYPE"),
    # Without these a Python that was built outside of the system's folders may not start.
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
)


def process_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what every process may have of the shell's variables (by default: of this process).

    No HOME, no proxy, no certificate: these processes reach 127.0.0.1 only, and whoever starts one
    gives it a HOME.
    """
    return chosen(EVERY_PROCESS, shell)


def chosen(names: Iterable[str], shell: Mapping[str, str] | None) -> dict[str, str]:
    """Return those of the named variables that the shell (by default: this process) has."""
    given = os.environ if shell is None else shell
    return {name: given[name] for name in names if name in given}


def keep_only(*names: str) -> None:
    """Leave of this process's own variables what every process may have, and the named ones."""
    kept = chosen((*EVERY_PROCESS, *names), None)
    os.environ.clear()
    os.environ.update(kept)
