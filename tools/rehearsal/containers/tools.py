"""Our programs inside containers: `in_container`, and dnslib, which they import."""

import importlib.util
import shutil
from pathlib import Path

from tools.container_engine import Engine, EngineError
from tools.local_aws.scratch import ScratchDirectory

_PACKAGE = "tools.rehearsal.containers.in_container"
_SOURCE = Path(__file__).with_name("in_container")
_FOLDER = "/rehearsal-tools"


def bring_tools(engine: Engine, container: str) -> None:
    """Copy them into a container, where only Python has to be there already."""
    dnslib = importlib.util.find_spec("dnslib")
    if dnslib is None or dnslib.origin is None:
        raise EngineError("the package dnslib is not installed")
    with ScratchDirectory("tools") as scratch:
        folder = scratch.path / "tools"
        # No other package of ours comes along, and these import no other.
        _copy(_SOURCE, folder.joinpath(*_PACKAGE.split(".")))
        _copy(Path(dnslib.origin).parent, folder / "dnslib")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        engine("cp", f"{folder}/.", f"{container}:{_FOLDER}")


def has_tools(engine: Engine, container: str) -> bool:
    """Say whether a running container has them."""
    return engine.attempt("exec", container, "test", "-d", _FOLDER).returncode == 0


def tool(name: str, *arguments: str) -> list[str]:
    """Return the command that runs one of them, inside a container that has them."""
    return ["env", f"PYTHONPATH={_FOLDER}", "python", "-um", f"{_PACKAGE}.{name}", *arguments]


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "test*"))
