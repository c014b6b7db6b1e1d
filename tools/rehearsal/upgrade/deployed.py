"""What somebody has who has deployed an earlier revision; README.md says how it was made."""

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app import make_app
from settings import load_deployment
from tools.local_aws.scratch import ScratchDirectory

REVISION = "a26ce21"
"""The revision whose stacks are updated."""

Templates = Mapping[str, Mapping[str, Any]]
"""By stack, in the order of a deploy."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The files and stacks of one topology."""

    env: str
    """The text of its ``.env``."""
    context: Mapping[str, Any]
    """Its ``cdk.context.json``: what was looked up."""
    templates: Templates

    def templates_of_today(self) -> Templates:
        """Return what the app of today makes of the same files."""
        with ScratchDirectory("upgrade") as scratch:
            env_file = scratch.path / ".env"
            env_file.write_text(self.env, encoding="utf-8")
            settings = load_deployment(str(env_file))
            assembly = make_app(settings, scratch.path / "cdk.out", context=self.context).synth()
            return {stack.stack_name: stack.template for stack in assembly.stacks}


@cache
def deployed() -> Mapping[str, Deployed]:
    """Return what was deployed at ``REVISION``, by topology."""
    packed = Path(__file__).with_name(f"{REVISION}.json.xz").read_bytes()
    topologies: dict[str, Any] = json.loads(lzma.decompress(packed))
    return {name: Deployed(**parts) for name, parts in topologies.items()}
