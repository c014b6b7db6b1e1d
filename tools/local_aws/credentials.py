"""What only the owner of a local AWS has: the root key and the certificate of one run."""

import base64
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

HOST = "127.0.0.1"
"""The only address that a local AWS listens on, has a certificate for, and answers to."""

_KEY_ID, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


@dataclass(frozen=True)
class RootKey:
    """The access key of the account's root user: random, and of one run.

    It is handed on in the environment, which only processes of the same user can read; never in
    arguments, which everybody can, and never in a file.
    """

    VARIABLES: ClassVar = (_KEY_ID, _SECRET)

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def random(cls) -> Self:
        """Make a key that nobody can guess, in the shape of AWS's."""
        identity = base64.b32encode(secrets.token_bytes(10)).decode()
        return cls(f"AKIA{identity}", secrets.token_urlsafe(30))

    def as_variables(self) -> dict[str, str]:
        """Return the variables that AWS's tools, MiniStack and `from_environment` read."""
        return {_KEY_ID: self.access_key_id, _SECRET: self.secret_access_key}

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
