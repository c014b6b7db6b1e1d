"""Access keys, the root key among them, and the certificate of one run."""

import base64
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

HOST = "127.0.0.1"
"""The only address that a local AWS listens on, has a certificate for, and answers to."""

_KEY_ID, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Key:
    """An access key: a user's, or with its token that of a session of a role.

    It is handed on in the environment, which only processes of the same user can read; never in
    arguments, which everybody can, and never in a file.
    """

    VARIABLES: ClassVar[tuple[str, ...]] = (_KEY_ID, _SECRET, _TOKEN)

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    def as_variables(self) -> dict[str, str]:
        """Return the variables that AWS's tools, MiniStack and `from_environment` read."""
        token = {_TOKEN: self.session_token} if self.session_token else {}
        return {_KEY_ID: self.access_key_id, _SECRET: self.secret_access_key} | token


class RootKey(Key):
    """The access key of the account's root user: random, and of one run."""

    VARIABLES: ClassVar[tuple[str, ...]] = (_KEY_ID, _SECRET)

    @classmethod
    def random(cls) -> Self:
        """Make a key that nobody can guess, in the shape of AWS's."""
        identity = base64.b32encode(secrets.token_bytes(10)).decode()
        return cls(f"AKIA{identity}", secrets.token_urlsafe(30))

    @classmethod
    def from_environment(cls) -> Self:
        return cls(os.environ[_KEY_ID], os.environ[_SECRET])


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate for `HOST`: the server's key with its certificate, and the CA.

    The key of the CA is kept nowhere, so nothing else will ever be signed with it.
    """

    folder: Path

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def authority(self) -> Path:
        """What a client must trust, and no other authority."""
        return self.folder / "ca.pem"

    def make(self) -> Self:
        # Only who starts a local AWS needs it, and it takes a moment to load.
        import trustme

        authority = trustme.CA()
        server = authority.issue_cert(HOST)
        _write_private(self.server, server.private_key_and_cert_chain_pem.bytes())
        _write_private(self.authority, authority.cert_pem.bytes())
        return self


def _write_private(file: Path, content: bytes) -> None:
    # Private from its first moment on, whatever the mask and the permissions of the folder.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
