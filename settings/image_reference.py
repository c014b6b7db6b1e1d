"""References to container images."""

import re
from typing import Annotated

from pydantic import AfterValidator

from .problems import UnfitError

_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{1,5})?|localhost(?::[0-9]{1,5})?)/"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:{_HOST})?{_PART}(?:/{_PART})*)"
    r"(?P<version>(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)"
)
_DEMO_REPOSITORY = "public.ecr.aws/aws-containers/ecsdemo-nodejs"
_DEMO_PORT = 3000


def _image_reference(text: str) -> str:
    match = _IMAGE.fullmatch(text)
    if match is None:
        raise UnfitError("expected a container image, such as public.ecr.aws/nginx/nginx:1.29")
    if not match["version"]:
        raise UnfitError(
            "names no tag or digest; expected one, such as ...:1.29 or ...@sha256:<digest>"
        )
    return text


def require_able_seed(image: str, *, port: int | None, is_arm: bool) -> None:
    """Raise `UnfitError` if the image is the sample one and cannot run as this service.

    It would start, fail its health checks, and take the first deploy down with it.
    """
    if re.split("[:@]", image)[0] != _DEMO_REPOSITORY:
        return
    reasons = []
    if port not in (None, _DEMO_PORT):
        reasons.append(f'listens on {_DEMO_PORT} (container_port is "{port}")')
    if is_arm:
        reasons.append('is built for amd64 alone (cpu_architecture is "ARM64")')
    if reasons:
        raise UnfitError(
            f"the sample image {' and '.join(reasons)}, so the first deploy would fail; "
            "expected an image that fits"
        )


ImageReference = Annotated[str, AfterValidator(_image_reference)]
