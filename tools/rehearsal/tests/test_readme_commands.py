"""Commands that the documents name, against the AWS CLI that is installed."""

import re
from functools import cache
from pathlib import Path

import pytest
from awscli.clidriver import create_clidriver

from tools.repository import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def document_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_commands_of_the_aws_cli_exist_in_the_installed_one(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"\baws ((?!configure)[a-z0-9-]+) ([a-z0-9-]+)", code(text)))
    unknown = [f"aws {s} {operation}" for s, operation in named if operation not in operations(s)]
    assert unknown == []


@cache
def operations(service: str) -> set[str]:
    """Return what the installed AWS CLI can do with a service: what its help lists."""
    services = create_clidriver().create_help_command().command_table
    if service not in services:
        return set()
    return set(services[service].create_help_command().command_table)


def code(markdown: str) -> str:
    """Return what is between backquotes, in a line or as a block."""
    blocks = re.findall(r"^```.*?^```", markdown, re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"(?<!`)`[^`]+`(?!`)", markdown)])
