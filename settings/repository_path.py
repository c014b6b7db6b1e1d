"""Paths inside the source repository."""

import posixpath
import re
from typing import Annotated

from pydantic import AfterValidator

from .problems import UnfitError

# A path ends up in shell commands of the build and in glob patterns of the trigger; these
# characters mean nothing special in either.
_PATH = re.compile(r"[A-Za-z0-9._@+/-]+")


def _inside_repository(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise UnfitError(
            "expected a path of letters, digits and . _ - @ +, with / between its parts"
        )
    path = posixpath.normpath(text)
    if text.startswith("/") or path.split("/")[0] == "..":
        raise UnfitError("leads out of the repository; expected a path relative to its top folder")
    if any(part.startswith("-") for part in path.split("/")):
        raise UnfitError(
            "no part of a path may begin with a hyphen: commands take it for an option"
        )
    return path


def _file_inside_repository(text: str) -> str:
    path = _inside_repository(text)
    if path == "." or text.endswith(("/", "/.")):
        raise UnfitError("names a folder; expected the path of a file, such as ./app/buildspec.yml")
    return path


FolderPath = Annotated[str, AfterValidator(_inside_repository)]
FilePath = Annotated[str, AfterValidator(_file_inside_repository)]
