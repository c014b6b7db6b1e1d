"""The pages in this folder, and the app of a copy of the product to which a recipe is applied.

It lies beside the pages, because the product's tests and those of the tools apply the recipes, and
neither imports the other.
"""

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import ModuleType

from aws_cdk import App
from dotenv import dotenv_values

_PRODUCT = ("app", "backend_service", "core_infra", "settings")
_PAGES = Path(__file__).parent
_ROOT = _PAGES.parents[1]
RECIPES = tuple(sorted(page.stem for page in _PAGES.glob("*.md") if page.stem != "README"))


@dataclass(frozen=True)
class Recipe:
    """What a page contains: a diff, lines for .env, and explanations for cdk-nag's findings."""

    diff: str
    settings: Mapping[str, str]
    acknowledgements: str

    @classmethod
    def of_page(cls, name: str) -> "Recipe":
        """Read the blocks of a page. Those for .env and for cdk-nag are optional."""
        page = (_PAGES / f"{name}.md").read_text(encoding="utf-8")
        values = dotenv_values(stream=StringIO(_block(page, "dotenv")))
        return cls(
            diff=_block(page, "diff"),
            settings={key: value or "" for key, value in values.items()},
            acknowledgements=_block(page, "toml"),
        )

    @property
    def changed_lines(self) -> int:
        """The number of added and removed lines."""
        return len(re.findall(r"^(?:\+(?!\+\+ )|-(?!-- ))", self.diff, re.MULTILINE))

    @property
    def files(self) -> set[str]:
        """The files that the diff changes or adds."""
        return set(re.findall(r"^\+\+\+ b/(.+)$", self.diff, re.MULTILINE))

    @contextmanager
    def app(self, folder: Path, *, template_rules: bool = False) -> Iterator[App]:
        """Copy the product into ``folder``, apply the diff, and make the app for sample.env.

        The app is not synthesised yet. Until the context ends, the product's modules are those of
        the copy.
        """
        copy = folder / "copy"
        copy.mkdir()
        for name in (*_PRODUCT[1:], "app.py", "cdk.json", "sample.env"):
            put = shutil.copytree if (_ROOT / name).is_dir() else shutil.copy2
            put(_ROOT / name, copy / name)
        subprocess.run(["git", "apply"], input=self.diff, cwd=copy, check=True, text=True)
        with _imported_from(copy):
            examples = importlib.import_module("settings.examples")
            app: App = importlib.import_module("app").make_app(
                examples.example_deployment(self.settings),
                folder / "cdk.out",
                template_rules=template_rules,
            )
            yield app


def _block(page: str, language: str) -> str:
    """Return the only block of a language in a page, or an empty text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) <= 1, language
    return "".join(blocks)


@contextmanager
def _imported_from(folder: Path) -> Iterator[None]:
    """Import the product from a folder: a new process would load the CDK again, for seconds."""
    original = _take_product_out()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _take_product_out()
        sys.modules.update(original)


def _take_product_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] in _PRODUCT]
    return {name: sys.modules.pop(name) for name in names}
