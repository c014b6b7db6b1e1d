"""What the synthesis of a CDK app has written: its stacks, templates and images."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STACK = "aws:cloudformation:stack"
_ASSEMBLY = "cdk:cloud-assembly"


@dataclass(frozen=True)
class Assembly:
    """The folder that a synthesis has written, with the assemblies of the app's stages in it."""

    folder: Path

    def environments(self) -> dict[str, str]:
        """Return account and region of each stack, like ``aws://111122223333/eu-west-1``."""
        return {
            artifact["properties"].get("stackName", name): artifact["environment"]
            for folder in _with_stages(self.folder)
            for name, artifact in _artifacts(folder, _STACK)
        }

    def templates(self) -> dict[str, dict[str, Any]]:
        """Return the templates by the name of their stack, also those of nested stacks."""
        return {
            path.name.partition(".")[0]: json.loads(path.read_text(encoding="utf-8"))
            for folder in _with_stages(self.folder)
            for path in sorted(folder.glob("*.template.json"))
        }

    def images(self) -> list[str]:
        """Return the names of the images that the CLI would build with docker."""
        return [
            image.get("displayName", name)
            for folder in _with_stages(self.folder)
            for path in folder.glob("*.assets.json")
            for name, image in json.loads(path.read_text("utf-8")).get("dockerImages", {}).items()
        ]


def _with_stages(folder: Path) -> Iterator[Path]:
    yield folder
    for _, artifact in _artifacts(folder, _ASSEMBLY):
        yield from _with_stages(folder / artifact["properties"]["directoryName"])


def _artifacts(folder: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, artifact in manifest.get("artifacts", {}).items():
        if artifact["type"] == kind:
            yield name, artifact
