"""Where the service comes from: names on GitHub, paths in the repository, the first image."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from .aws_types import AwsEnvironment, partition_of
from .parsing import matching
from .redaction import has_credential
from .report import InvalidValueError

_CLASSIC_TOKEN = re.compile(r"[0-9a-f]{40}")  # the oldest kind of GitHub token
# Shell commands of the build and glob patterns of the trigger contain the path. None of these
# characters has a meaning in either.
_PATH = re.compile(r"[A-Za-z0-9._@+/-]+")

_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{1,5})?|localhost(?::[0-9]{1,5})?)/"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"@sha256:[0-9a-f]{64}"
_PRIVATE_ECR = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z0-9.-]+/([^:@]+)")
_DEMO_REPOSITORY = "public.ecr.aws/aws-containers/ecsdemo-nodejs"
_DEMO_PORT = 3000


def _secret_name(text: str) -> str:
    # Users paste the token itself. They read here what is expected, and not their token.
    if (
        has_credential(text)
        or _CLASSIC_TOKEN.fullmatch(text)
        or not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", text)
    ):
        raise InvalidValueError(
            "expected the name of a secret in Secrets Manager, not the token itself"
        )
    return text


def _inside_repository(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise InvalidValueError(
            "expected a path of letters, digits and . _ - @ +, with / between its parts"
        )
    path = posixpath.normpath(text)
    if text.startswith("/") or path.split("/")[0] == "..":
        raise InvalidValueError(
            "leads out of the repository; expected a path relative to its top folder"
        )
    if any(part.startswith("-") for part in path.split("/")):
        raise InvalidValueError("expected no part that begins with a hyphen, like an option")
    return path


def _file_inside_repository(text: str) -> str:
    path = _inside_repository(text)
    if path == "." or text.endswith(("/", "/.")):
        raise InvalidValueError(
            "names a folder; expected the path of a file, such as ./app/buildspec.yml"
        )
    return path


def ecr_repository_arn(image: str) -> str | None:
    """Return the ARN of the private ECR repository that an image is in; None if it is elsewhere."""
    found = _PRIVATE_ECR.match(image)
    if found is None:
        return None
    account, region, repository = found.groups()
    return f"arn:{partition_of(region)}:ecr:{region}:{account}:repository/{repository}"


def require_readable_seed(image: str, environment: AwsEnvironment) -> None:
    """Raise ``InvalidValueError`` if the copy of the first image cannot sign in to its registry.

    The copy signs in to private registries of ECR only, with the rights of its role.
    """
    arn = ecr_repository_arn(image)
    if arn and environment.partition not in (None, partition := arn.split(":")[1]):
        raise InvalidValueError(
            f"{environment.aws_region} has no access to {image.partition('/')[0]}, which is in the "
            f"partition {partition}; expected an image of another registry, such as a private ECR "
            "in the same partition"
        )


def require_fitting_seed(image: str, *, port: int | None, is_arm: bool) -> None:
    """Raise ``InvalidValueError`` if the image is the sample one and cannot run as this service.

    It would start, fail its health checks, and make the first deploy fail.
    """
    if re.split("[:@]", image)[0] != _DEMO_REPOSITORY:
        return
    reasons = []
    if port not in (None, _DEMO_PORT):
        reasons.append(f'listens on {_DEMO_PORT} (container_port is "{port}")')
    if is_arm:
        reasons.append('is built for amd64 only (cpu_architecture is "ARM64")')
    if reasons:
        raise InvalidValueError(
            f"the sample image {' and '.join(reasons)}, so the first deploy would fail; "
            "expected an image that fits"
        )


Owner = Annotated[
    str,
    matching(
        r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?",
        "the user or organisation only, such as aws-samples",
        39,
    ),
]
Repository = Annotated[
    str,
    matching(
        r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]+",
        "the name of the repository only, with no owner, URL or .git",
        100,
    ),
]
# git-check-ref-format(1), without the characters that have a meaning in shells and glob patterns.
Branch = Annotated[
    str,
    matching(
        r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)|[/.]$))[A-Za-z0-9_][A-Za-z0-9._/+=@%-]*",
        "the name of one branch, such as main or release/1.2",
        244,
    ),
]
EmailAddress = Annotated[
    str, matching(r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", "one e-mail address", 254)
]
SecretName = Annotated[str, AfterValidator(_secret_name)]
FolderPath = Annotated[str, AfterValidator(_inside_repository)]
FilePath = Annotated[str, AfterValidator(_file_inside_repository)]
ImageReference = Annotated[
    str,
    matching(
        # Docker Hub limits the pulls of an address, and the function has one of AWS's.
        rf"(?!(?:index\.)?docker\.io/){_HOST}{_PART}(?:/{_PART})*(?:{_TAG}|(?:{_TAG})?{_DIGEST})",
        "a registry and its image with a tag or digest, such as public.ecr.aws/nginx/nginx:1.29 "
        "(not of Docker Hub)",
        4096,  # A parameter of the stack has this value, and can have so many bytes.
    ),
]
