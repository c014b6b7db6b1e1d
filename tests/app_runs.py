"""Runs of app.py: in a new process, as the CDK CLI starts it, or in this process."""

import contextlib
import gc
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aws_cdk import App

import app
from tests.repository import ROOT

_CACHES = ("HOME", "JSII_RUNTIME_PACKAGE_CACHE_ROOT")


@dataclass(frozen=True)
class Run:
    """The result of a run of app.py."""

    status: int
    stdout: str
    stderr: str
    assembly: Path

    @property
    def stacks(self) -> set[str]:
        manifest = json.loads((self.assembly / "manifest.json").read_text(encoding="utf-8"))
        artifacts: dict[str, Any] = manifest["artifacts"]
        return {k for k, a in artifacts.items() if a["type"] == "aws:cloudformation:stack"}

    @property
    def places(self) -> list[str]:
        """The frames of all stack traces that show the CLI where a resource was made."""
        constructs: list[dict[str, list[dict[str, Any]]]] = [
            json.loads(file.read_text(encoding="utf-8"))
            for file in self.assembly.glob("*.metadata.json")
        ]
        notes = [note for of_stack in constructs for notes in of_stack.values() for note in notes]
        return [f for n in notes if n["type"] == "aws:cdk:creationStack" for f in n["data"]]


def start_app(folder: Path) -> Run:
    """Run app.py in a folder, without credentials and without variables of AWS."""
    node = shutil.which("node")
    assert node
    assembly = _empty(folder / "assembly")
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=folder,
        env={
            "PATH": f"{Path(node).parent}{os.pathsep}{os.defpath}",
            **{name: os.environ[name] for name in _CACHES if name in os.environ},
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_OUTDIR": str(assembly),
            "CDK_CONTEXT_JSON": json.dumps(_context(None)),
            "PYTHONWARNINGS": "error",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Run(done.returncode, done.stdout, done.stderr, assembly)


def call_app(folder: Path, *, context: Mapping[str, Any] | None = None) -> Run:
    """Call main of app.py in a folder; the result has no messages of Node from a synthesis."""
    assembly = _empty(folder / "assembly")
    status, out, err = 0, io.StringIO(), io.StringIO()

    def make_app(**given: Any) -> App:
        merged = _context(context) | given.pop("context")
        return App(outdir=str(assembly), context=merged, **given)

    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(app, "App", make_app),
        patch.object(gc, "freeze"),
    ):
        try:
            app.main()
        except SystemExit as ending:
            # Python does this for a process that ends with a text.
            status = 1
            print(ending.code, file=err)
    return Run(status, out.getvalue(), err.getvalue(), assembly)


def _context(given: Mapping[str, Any] | None) -> dict[str, Any]:
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return {**flags, "aws:cdk:disable-asset-staging": True, **(given or {})}


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder
