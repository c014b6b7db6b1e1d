"""Where the service comes from: names on GitHub, paths in the repository, the first image."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from .aws_types import COMMERCIAL, AwsEnvironment, partition_of
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
# The trigger of a connection takes patterns of 255 characters, and /** is added.
# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GitFilePathFilterCriteria.html
_LONGEST_FOLDER = 252
_LONGEST_PATH = 1024  # Ours, far below the 4096 of Linux.
_LONGEST_ADDRESS = 254  # RFC 5321

_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{1,5})?|localhost(?::[0-9]{1,5})?)/"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:{_HOST})?{_PART}(?:/{_PART})*)"
    r"(?P<version>(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)"
)
_LONGEST_REPOSITORY = 255  # https://pkg.go.dev/github.com/distribution/reference
_ECR_PUBLIC = "public.ecr.aws"
_PRIVATE_ECR = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<dns_suffix>[a-z0-9.-]+)"
)
_LIKE_PRIVATE_ECR = re.compile(r"[0-9]{12}\.dkr[.-]")
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
    form = r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
    if len(text) > _LONGEST_ADDRESS or not re.fullmatch(form, text):
        raise InvalidValueError("expected one e-mail address")
    return text


def _inside_repository(text: str) -> str:
    if len(text) > _LONGEST_PATH:
        raise InvalidValueError(f"expected at most {_LONGEST_PATH} characters")
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


def _folder_inside_repository(text: str) -> str:
    path = _inside_repository(text)
    if len(path) > _LONGEST_FOLDER:
        raise InvalidValueError(
            f"expected at most {_LONGEST_FOLDER} characters, for the trigger of the pipeline"
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
    if len(match["repository"]) > _LONGEST_REPOSITORY:
        raise InvalidValueError(
            f"expected at most {_LONGEST_REPOSITORY} characters before the tag or digest"
        )
    return text


def ecr_repository_arn(image: str) -> str | None:
    """Return the ARN of the private ECR repository that an image is in; None if it is elsewhere."""
    reference = _IMAGE.fullmatch(image)
    host, _, repository = (reference["repository"] if reference else "").partition("/")
    registry = _PRIVATE_ECR.fullmatch(host)
    if registry is None:
        return None
    region, account = registry["region"], registry["account"]
    return f"arn:{partition_of(region).name}:ecr:{region}:{account}:repository/{repository}"


def require_readable_seed(image: str, environment: AwsEnvironment) -> None:
    """Raise `InvalidValueError` if the copy of the first image cannot sign in to its registry.

    The copy signs in to ECR, private and public, with the rights of its role, and to nothing else.
    To ECR Public it does so in us-east-1, whose credentials no other partition has.
    https://github.com/cdklabs/cdk-ecr-deployment/blob/main/lambda-src/utils.go
    """
    host = image.partition("/")[0]
    partition = environment.partition
    if host == _ECR_PUBLIC and partition not in (None, COMMERCIAL.name):
        raise InvalidValueError(
            f"{environment.aws_region} is in the partition {partition}, from which nobody can sign "
            f"in to {_ECR_PUBLIC}; expected an image on another registry, such as a private ECR of "
            "the same partition"
        )
    if not _LIKE_PRIVATE_ECR.match(host):
        return
    registry = _PRIVATE_ECR.fullmatch(host)
    region = registry["region"] if registry else environment.aws_region or "<region>"
    suffix = partition_of(region).dns_suffix
    if registry is None or registry["dns_suffix"] != suffix:
        raise InvalidValueError(
            f"expected {host[:12]}.dkr.ecr.{region}.{suffix}/..., the only name of a private ECR "
            "that the copy signs in to"
        )
    if partition not in (None, partition_of(region).name):
        raise InvalidValueError(
            f"is in {region}, but {environment.aws_region} is in the partition {partition}, whose "
            "roles can read no image there; expected one of the same partition"
        )


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
FolderPath = Annotated[str, AfterValidator(_folder_inside_repository)]
FilePath = Annotated[str, AfterValidator(_file_inside_repository)]
ImageReference = Annotated[str, AfterValidator(_image_reference)]
