"""sample.env and docs/settings.md, written from the settings; and sample.env as a user fills it in.

`python -m settings` writes both. Only the headings and the order of the keys are said here.
"""

import inspect
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from .model import (
    SETTINGS,
    CoreOutputsSettings,
    CoreSettings,
    DeliverySettings,
    ExistingPlatformSettings,
    Section,
    ServiceSettings,
    Target,
    settings_in,
)

_WIDTH = 100
_RULE = "# ".ljust(_WIDTH - 1, "=")

_INTRODUCTION = """\
# Settings of the blueprint. Copy this file to .env and fill in the three <PLACEHOLDERS> of part 1.
# Everything else works as it is.
#
# - Values come from this file alone: variables of your shell never override them, and $NAME stays
#   as it is. (${NAME} is refused, for CloudFormation takes it for a reference.)
# - Everything is checked before a stack is made, and all problems are reported together.
# - A key can be left out where its text says "optional": it then means what is written here.
# - Another file: npx cdk deploy --all -c env_file=staging.env"""

_TABLE = """\
# All settings

Written by `make settings` from [settings/model.py](../settings/model.py), as is
[sample.env](../sample.env), which says more about each. A key without a default must be there.
"""


# Of each part the title, and its keys by heading: those that are named come first, then the rest of
# the sections.
_Keys = tuple[str | type[Section], ...]
_PARTS: tuple[tuple[str, Mapping[str, _Keys]], ...] = (
    (
        "Part 1: always",
        {
            "Where to": ("repository_owner", Target),
            "The service": (ServiceSettings,),
            "Delivery": (DeliverySettings,),
        },
    ),
    (
        (
            "Part 2: creating the core infrastructure "
            '(deploy_core_stack="True"; otherwise ignored, but see namespaces and ecs_cluster_name '
            "in part 3)"
        ),
        {"": ("vpc_cidr", CoreSettings)},
    ),
    (
        'Part 3: using existing infrastructure (deploy_core_stack="False"; otherwise ignored)',
        {
            "": (
                CoreOutputsSettings,
                *("vpc_name", "namespace_name", "namespace_arn"),
                ExistingPlatformSettings,
            )
        },
    ),
)


def _keys_by_heading() -> Iterator[tuple[str, str, list[str]]]:
    """Yield the title of the part, the heading, and the keys below it; every key once."""
    seen: set[str] = set()
    for title, headings in _PARTS:
        for heading, sources in headings.items():
            keys: list[str] = []
            for source in sources:
                of_source = [source] if isinstance(source, str) else dict(settings_in(source))
                keys += [key for key in of_source if key not in seen]
                seen.update(of_source)
            yield title, heading, keys


def _extra(field: FieldInfo, name: str) -> str:
    extra = field.json_schema_extra
    return str(extra[name] or "") if isinstance(extra, dict) else ""


def _example(field: FieldInfo) -> str:
    return str((field.examples or [""])[0])


def _shown(field: FieldInfo) -> str:
    """Return the value that sample.env shows."""
    return _extra(field, "placeholder") or (
        _example(field) if field.is_required() else str(field.default)
    )


ESSENTIALS = {
    key: _example(SETTINGS[key]) for key in ("repository_owner", "account_number", "aws_region")
}
"""The values that every user has to fill in, as the examples have them."""
ACCOUNT = ESSENTIALS["account_number"]
REGION = ESSENTIALS["aws_region"]


def sample_env(**changes: str) -> str:
    """Return sample.env with the three essential values filled in, and `changes` applied.

    A key that there is not is an error of the caller, as in `.env` itself.
    """
    if unknown := changes.keys() - SETTINGS.keys():
        raise KeyError(f"sample.env has no key {', '.join(sorted(unknown))}")
    return _written({key: quoted(text) for key, text in (ESSENTIALS | changes).items()})


def quoted(text: str) -> str:
    """Return a text as it stands in a settings file, whatever is in it (but on one line)."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def sample_text() -> str:
    """Return sample.env, which is to be copied and filled in."""
    return _written({})


def _written(texts: Mapping[str, str]) -> str:
    blocks = [_INTRODUCTION]
    last_title = ""
    for title, heading, keys in _keys_by_heading():
        if title != last_title:
            blocks.append("\n".join(["", _RULE, *_comment(title), _RULE]))
            last_title = title
        if heading:
            blocks.append(f"# --- {heading} ".ljust(_WIDTH, "-"))
        for key in keys:
            field = SETTINGS[key]
            shown = texts.get(key) or f'"{_shown(field)}"'
            if comment := _extra(field, "comment"):
                blocks.append("\n".join([*_comment(comment), f"{key}={shown}"]))
            else:
                blocks[-1] += f"\n{key}={shown}"
    return "\n\n".join(blocks) + "\n"


def _comment(text: str) -> Iterator[str]:
    """Yield the lines of a comment: as in the text, but an indented one continues the last."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    for line in lines:
        yield from textwrap.wrap(
            line,
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="#   " if line.startswith("- ") else "# ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def table() -> str:
    """Return docs/settings.md: every setting in a row, under the headings of sample.env."""
    lines = [_TABLE.rstrip("\n")]
    for title, heading, keys in _keys_by_heading():
        above = f"## {title.partition(' (')[0]}"
        lines += ["", above] if above not in lines else []
        lines += ["", f"### {heading}"] if heading else []
        lines += ["", "| key | what | default | for instance |", "|---|---|---|---|"]
        for key in keys:
            field = SETTINGS[key]
            default = "" if field.is_required() else _code(str(field.default)) or "empty"
            lines.append(
                f"| `{key}` | {field.description} | {default} | {_code(_example(field))} |"
            )
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    return "`{}`".format(text.replace("|", "\\|")) if text else ""


def written_files(root: Path) -> dict[Path, str]:
    """Return the files that are written from the settings, with what belongs in each."""
    return {root / "sample.env": sample_text(), root / "docs" / "settings.md": table()}
