"""The Makefile in a checkout whose path has a space in it, and what it offers."""

import re

from tests.repository import ROOT

MAKEFILES = [ROOT / "Makefile", *(ROOT / "tools").glob("*.mk")]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in MAKEFILES)


def test_the_path_of_the_checkout_is_in_no_command() -> None:
    """It may have spaces, and make cannot quote; everything that is called is named from here.

    In the value of an exported variable it needs no quotes.
    """
    lines = [line for line in TEXT.splitlines() if "$(CURDIR)" in line]
    assert (
        lines
        == [
            "export PATH := $(CURDIR)/$(BIN):$(PATH)",
            "check test: export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.cache/jsii",
        ][: len(MAKEFILES)]
    )


def test_every_target_for_people_says_what_it_does() -> None:
    documented = set(re.findall(r"^([a-z-]+):.*## ", TEXT, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", TEXT, re.MULTILINE))
    parts = {"install-dev", "install-tools"}
    assert {t for line in phony for t in line.split()} - parts == documented
