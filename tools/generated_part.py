"""A part of a document that a program writes, between two comments."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True)
class GeneratedPart:
    """The text after ``<!-- generated: name -->`` and before the next ``<!-- end -->``.

    Raises ``ValueError`` if the document in docs/ has no such part.
    """

    document: str
    name: str

    def read(self) -> str:
        """Return the part as it is on disk."""
        return self._found()["text"]

    def write(self, text: str) -> None:
        """Replace the part."""
        found = self._found()
        before, after = found.string[: found.start("text")], found.string[found.end("text") :]
        self._path.write_text(before + text + "\n" + after.removeprefix("\n"), "utf-8")

    @property
    def _path(self) -> Path:
        return DOCS / self.document

    def _found(self) -> re.Match[str]:
        pattern = rf"<!-- generated: {re.escape(self.name)} -->\n(?P<text>.*?)(?=\n?<!-- end -->)"
        found = re.search(pattern, self._path.read_text("utf-8"), re.DOTALL)
        if not found:
            raise ValueError(f"{self.document} has no part {self.name}")
        return found
