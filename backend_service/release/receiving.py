"""Receive: reads which image a delivery begins with, where nothing is built.

The sender of the image writes a JSON object with the digest, and with the commit and the origin
that the approver reads. Both are claims of the sender; the image is exactly that of the digest.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from .action import ActionError, Outcome, Service, quoted
from .images import DIGEST
from .sources import EcrSource, Send, send

LARGEST_TEXT = 4096
_FORMS = {
    "digest": DIGEST,
    "commit": r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
    "origin": r"[A-Za-z0-9._:/@+=#?&~-]{1,300}",
}
"""None has a space or another sign with which the approver could read it as more than one."""


def receive(
    text: bytes, service: Service, *, client: Callable[..., Any], send: Send = send
) -> Outcome:
    """Return the image, its commit and its origin as variables. The image must exist."""
    try:
        given = dict(json.loads(text))
    except (ValueError, TypeError):
        raise ActionError(f"expected JSON with a digest, not {quoted(repr(text))}") from None
    sent = {key: "unknown" if given.get(key) is None else given[key] for key in _FORMS}
    for key, form in _FORMS.items():
        if not (isinstance(sent[key], str) and re.fullmatch(form, sent[key])):
            raise ActionError(f"{key} is {quoted(sent[key])}; expected text of the form {form}")
    digest = sent.pop("digest")
    image = f"{service.builds}:{sent['commit'][:8]}-{digest[7:19]}@{digest}"
    if EcrSource(service.builds, client, send).find(digest) is None:
        raise ActionError(f"there is no image {service.builds}@{digest}")
    return Outcome(f"{image} {sent}", variables={"image": image, **sent})
