"""What the processes of a run are given: a few variables of the shell, a key, a certificate.

A process that calls only 127.0.0.1 needs few variables. The others of the shell are left out, since
any of them may hold a secret or change what a tool does.
"""

import base64
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

EVERY_PROCESS = (
    "PATH",
    "TMPDIR",
    # The encoding of input and output.
    *("LANG", "LC_ALL", "LC_CTYPE"),
    # Without these a Python outside of the system's folders may not start.
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
)

HOST = "127.0.0.1"
"""The only address on which a local AWS listens, and for which it has a certificate."""

_KEY_ID, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105 - the name of a variable


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


@dataclass(frozen=True)
class Key:
    """An access key of a user, or with a token that of a session of a role.

    Processes pass it on in the environment, which only the same user can read; never in arguments,
    which every user can read, and never in a file.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    def as_variables(self) -> dict[str, str]:
        """Return the variables that AWS's tools and MiniStack read."""
        token = {_TOKEN: self.session_token} if self.session_token else {}
        return {_KEY_ID: self.access_key_id, _SECRET: self.secret_access_key} | token


class RootKey(Key):
    """The access key of the account's root user, random in each run."""

    VARIABLES: ClassVar[tuple[str, ...]] = (_KEY_ID, _SECRET)

    @classmethod
    def random(cls) -> Self:
        """Return a key that nobody can guess, in the format of AWS."""
        identity = base64.b32encode(secrets.token_bytes(10)).decode()
        return cls(f"AKIA{identity}", secrets.token_urlsafe(30))

    @classmethod
    def from_environment(cls) -> Self:
        """Return the key of the variables of this process."""
        return cls(os.environ[_KEY_ID], os.environ[_SECRET])


SERVER_CERTIFICATE, AUTHORITY = "server.pem", "ca.pem"
"""The files of `make_certificate`."""
SOCKETS, AWS_SOCKET, ECS_SOCKET = "sockets", "aws", "ecs"
"""A folder with two Unix sockets, which lead from the network of the tasks to a local AWS."""
_ENDPOINTS = ("{region}.", "s3.{region}.", "ddb.{region}.", "ecr.{region}.", "s3.", "")


def names_for_tasks(region: str) -> list[str]:
    """Return the names of AWS's endpoints of a region, and those that have no region.

    A star stands for one part of a name: a service, a bucket, or the account of a table.
    """
    return [f"*.{each.format(region=region)}amazonaws.com" for each in _ENDPOINTS]


def make_certificate(folder: Path, *names: str) -> None:
    """Create the key and certificate of a server on `HOST`, and the authority that clients trust.

    The certificate is also for the ``names``. Nobody else may enter the folder. The key of the
    authority is stored nowhere, so it can sign no other certificate.
    """
    # Imported here, since it takes a moment to load and only a start of a local AWS needs it.
    import trustme  # noqa: PLC0415

    authority = trustme.CA()
    server = authority.issue_cert(HOST, *names)
    server.private_key_and_cert_chain_pem.write_to_path(folder / SERVER_CERTIFICATE)
    authority.cert_pem.write_to_path(folder / AUTHORITY)
    for name in (SERVER_CERTIFICATE, AUTHORITY):
        (folder / name).chmod(0o600)
