"""The local AWS and its tests know nothing of what is deployed to it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tools.local_aws

PACKAGE = tools.local_aws.__name__
FOLDER = Path(tools.local_aws.__file__).parent
CODE = sorted(path for path in FOLDER.rglob("*.py") if path.parent.name != "tests")
TESTS = sorted(Path(__file__).parent.glob("*.py"))
ROOT = Path(tools.local_aws.__file__).parents[PACKAGE.count(".") + 1]
# Whatever lies beside the package's top folder and could be imported.
OURS = {path.name.removesuffix(".py") for path in ROOT.iterdir() if not path.name.startswith(".")}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield f"{node.module}"


def _foreign(path: Path, *known: str) -> set[str]:
    ours = {name for name in _imported(path) if name.partition(".")[0] in OURS}
    return {name for name in ours if not f"{name}.".startswith(tuple(f"{own}." for own in known))}


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_it_imports_itself_only(path: Path) -> None:
    assert _foreign(path, PACKAGE) == set()


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_its_tests_import_it_and_each_other_only(path: Path) -> None:
    assert _foreign(path, PACKAGE, "tools.local_aws.tests") == set()
