"""Where the delivery pipeline gets the source from, and what starts it."""

from dataclasses import dataclass
from typing import Protocol

from aws_cdk import aws_codepipeline as codepipeline

SOURCE = "Source"
"""The name of the source stage and of its only action."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch of a GitHub repository, and the folder in it whose changes are delivered."""

    owner: str
    repository: str
    name: str
    folder_path: str


class PipelineSource(Protocol):
    """One way to read a branch."""

    def add_to(self, pipeline: codepipeline.Pipeline, output: codepipeline.Artifact) -> None:
        """Add the source stage, which fills ``output``, and start ``pipeline`` on a push."""
        ...
