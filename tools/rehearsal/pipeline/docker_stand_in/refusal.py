"""Why a command fails."""


class RefusalError(Exception):
    """The command cannot be done; the message says why."""
