"""The templates that pictures are drawn from: those of sample.env, filled in."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import App

from app import add_stacks
from rehearsal.local_aws.scratch import ScratchDirectory
from rehearsal.sample_settings import ROOT, sample_env
from settings import load_deployment


def sample_templates(**changes: str) -> Mapping[str, Mapping[str, Any]]:
    """Synthesise the app for sample.env with changed settings; return the templates by stack."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    with ScratchDirectory("picture") as scratch:
        env_file = scratch.path / ".env"
        env_file.write_text(sample_env(**changes), encoding="utf-8")
        # The assets are not in the picture, and the seeder's code is 50 MB.
        context = {**flags, "aws:cdk:disable-asset-staging": True}
        app = App(
            analytics_reporting=False,
            builtin_cloud_formation_validation=False,
            outdir=str(scratch.path / "cdk.out"),
            context=context,
        )
        add_stacks(app, load_deployment(str(env_file)))
        return {stack.stack_name: stack.template for stack in app.synth().stacks}
