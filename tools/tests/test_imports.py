"""Who knows whom: tools know the product and each other, and no tests but their own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1]
FILES = sorted(TOOLS.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TOOLS)))
def test_no_tool_knows_the_tests_of_the_product(path: Path) -> None:
    assert "tests" not in {module.partition(".")[0] for module in imported(path)}


def test_only_tests_know_tests() -> None:
    code = [path for path in FILES if not {"tests", "conftest.py"} & set(path.parts)]
    assert len(code) < len(FILES)
    assert [path for path in code if any(".tests" in module for module in imported(path))] == []


@pytest.mark.parametrize(
    ("tool", "known"), [("local_aws", set()), ("container_engine", {"command_line", "local_aws"})]
)
def test_what_the_rehearsal_stands_on_knows_nothing_of_it_and_of_the_blueprint(
    tool: str, known: set[str]
) -> None:
    files = [path for path in (TOOLS / tool).rglob("*.py") if "tests" not in path.parts]
    ours = {"app", "backend_service", "core_infra", "settings", "tools"}
    modules = {m for path in files for m in imported(path) if m.partition(".")[0] in ours}
    assert {".".join(module.split(".")[:2]) for module in modules} <= {
        f"tools.{name}" for name in {tool, *known}
    }


def test_no_file_is_a_drawer_for_anything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "lib"}
    assert not {path.stem for path in FILES} & drawers
