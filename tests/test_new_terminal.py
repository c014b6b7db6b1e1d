"""The command in cdk.json finds its packages, or prints one line with the remedy."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from settings.examples import sample_env
from tests.repository import ROOT

ENVIRONMENT = Path(sys.prefix)
PROBE = 'import importlib.util as u, sys; print(sys.prefix, u.find_spec("aws_cdk") is not None)'
"""Takes the place of app.py where only the choice of Python matters: it loads no CDK."""
FOUND = f"{ENVIRONMENT} True\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout in a folder with a space, without settings and without packages."""
    project = tmp_path / "my project"
    project.mkdir()
    shutil.copy(ROOT / "cdk.json", project)
    (project / "app.py").symlink_to(ROOT / "app.py")
    return project


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The PATH of a new terminal, with Node and a Python 3 without our packages."""
    folder = tmp_path / "bin"
    folder.mkdir()
    node = shutil.which("node")
    assert node
    (folder / "node").symlink_to(node)
    venv.create(tmp_path / "bare", symlinks=True)
    (folder / "python3").write_text(f'#!/bin/sh\nexec "{tmp_path}/bare/bin/python3" "$@"\n')
    (folder / "python3").chmod(0o755)
    return f"{folder}{os.pathsep}{os.defpath}"


def run_app(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK CLI does: by a shell, in the folder of cdk.json."""
    command = json.loads((project / "cdk.json").read_text(encoding="utf-8"))["app"]
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def probe(project: Path) -> Path:
    """The checkout with the probe as its app."""
    (project / "app.py").unlink()
    (project / "app.py").write_text(PROBE, encoding="utf-8")
    return project


def test_the_environment_of_make_install_needs_no_activation(probe: Path, path: str) -> None:
    (probe / ".venv").symlink_to(ENVIRONMENT)
    assert run_app(probe, PATH=path).stdout == f"{probe / '.venv'} True\n"


def test_an_activated_environment_wins_over_that_of_make_install(
    probe: Path, path: str, tmp_path: Path
) -> None:
    (probe / ".venv").symlink_to(tmp_path / "bare")
    activated = {"VIRTUAL_ENV": str(ENVIRONMENT), "PATH": f"{ENVIRONMENT}/bin{os.pathsep}{path}"}
    assert run_app(probe, **activated).stdout == FOUND


def test_packages_of_the_python_on_the_path_are_used(probe: Path, path: str) -> None:
    assert run_app(probe, PATH=f"{ENVIRONMENT}/bin{os.pathsep}{path}").stdout == FOUND


def test_without_the_packages_one_line_has_the_remedy(project: Path, path: str) -> None:
    done = run_app(project, PATH=path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: No module named 'aws_cdk' for ")
    assert "make install" in done.stderr


@pytest.mark.slow
def test_cdk_cli_lists_the_stacks_in_a_new_terminal(project: Path, path: str) -> None:
    (project / ".venv").symlink_to(ENVIRONMENT)
    (project / ".env").write_text(sample_env(), encoding="utf-8")
    done = subprocess.run(
        [ROOT / "node_modules" / ".bin" / "cdk", "ls", "--no-notices"],
        cwd=project,
        env={
            "PATH": path,
            "HOME": str(project),
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".cache" / "jsii"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "CoreInfraStack\nBackendServiceStack\n"
