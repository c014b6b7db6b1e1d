"""Where the service comes from: names on GitHub, paths in the repository, the first image."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from .redaction import has_credential
from .report import InvalidValueError

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,37}[A-Za-z0-9])?")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")
# git-check-ref-format(1), without what only a ref of another kind may have.
_BRANCH = re.compile(r"[!-~]{1,244}")
_NOT_IN_BRANCH = re.compile(
    r"[~^:?*\[\]{}\\\"'$`,;|&<>()!#]|\.\.|//|/\.|\.lock(?:/|$)|^[-/.@]|[/.]$"
)
_CLASSIC_TOKEN = re.compile(r"[0-9a-f]{40}")  # the oldest kind of GitHub token
# A path ends up in shell commands of the build and in glob patterns of the trigger; these
# characters mean nothing special in either.
_PATH = re.compile(r"[A-Za-z0-9._@+/-]+")

_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{1,5})?|localhost(?::[0-9]{1,5})?)/"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:{_HOST})?{_PART}(?:/{_PART})*)"
    r"(?P<version>(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)"
)
_DEMO_REPOSITORY = "public.ecr.aws/aws-containers/ecsdemo-nodejs"
_DEMO_PORT = 3000


def _owner(text: str) -> str:
    if not _OWNER.fullmatch(text):
        raise InvalidValueError("expected the user or organisation alone, such as aws-samples")
    return text


def _repository(text: str) -> str:
    if not _REPOSITORY.fullmatch(text) or text in {".", ".."} or text.endswith(".git"):
        raise InvalidValueError("expected the repository's name alone, with no owner, URL or .git")
    return text


def _branch(text: str) -> str:
    if not _BRANCH.fullmatch(text) or _NOT_IN_BRANCH.search(text):
        raise InvalidValueError("expected the name of one branch, such as main or release/1.2")
    return text


def _secret_name(text: str) -> str:
    # Whoever pastes the token itself should hear so, and not read it in the report.
    if (
        has_credential(text)
        or _CLASSIC_TOKEN.fullmatch(text)
        or not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", text)
    ):
        raise InvalidValueError(
            "expected the name of a secret in Secrets Manager, not the token itself"
        )
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", text):
        raise InvalidValueError("expected one e-mail address")
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
        raise InvalidValueError(
            "no part of a path may begin with a hyphen: commands take it for an option"
        )
    return path


def _file_inside_repository(text: str) -> str:
    path = _inside_repository(text)
    if path == "." or text.endswith(("/", "/.")):
        raise InvalidValueError(
            "names a folder; expected the path of a file, such as ./app/buildspec.yml"
        )
    return path


def _image_reference(text: str) -> str:
    match = _IMAGE.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            "expected a container image, such as public.ecr.aws/nginx/nginx:1.29"
        )
    if not match["version"]:
        raise InvalidValueError(
            "names no tag or digest; expected one, such as ...:1.29 or ...@sha256:<digest>"
        )
    return text


def require_fitting_seed(image: str, *, port: int | None, is_arm: bool) -> None:
    """Raise `InvalidValueError` if the image is the sample one and cannot run as this service.

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
        raise InvalidValueError(
            f"the sample image {' and '.join(reasons)}, so the first deploy would fail; "
            "expected an image that fits"
        )


Owner = Annotated[str, AfterValidator(_owner)]
Repository = Annotated[str, AfterValidator(_repository)]
Branch = Annotated[str, AfterValidator(_branch)]
SecretName = Annotated[str, AfterValidator(_secret_name)]
EmailAddress = Annotated[str, AfterValidator(_email)]
FolderPath = Annotated[str, AfterValidator(_inside_repository)]
FilePath = Annotated[str, AfterValidator(_file_inside_repository)]
ImageReference = Annotated[str, AfterValidator(_image_reference)]
