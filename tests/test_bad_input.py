"""Whatever is in the settings file: a clean synthesis, or one report of all that is wrong."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, configuration, given, settings
from hypothesis import strategies as st

from app import make_app
from settings import Settings, SettingsError, load_deployment
from settings.model import ALL_KEYS
from tests.env_files import any_text, nearly_right_files, written
from tests.right_settings import outputs_of_core, right_texts
from tests.template_lint import findings, violations

ROOT = Path(__file__).resolve().parents[1]
configuration.set_hypothesis_home_dir(ROOT / ".cache" / "hypothesis")
# The same examples in every run: a find should come from a change, not from luck.
REPEATABLE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# What stands in a template only if something was not filled in.
UNFILLED = re.compile(
    r"\$\{Token\[|#\{Token\[|<[A-Z][A-Z0-9_ -]*>|\[object Object\]|undefined|^None$"
)

counts: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def story(request: pytest.FixtureRequest) -> Iterator[None]:
    """Say at the end how much was tried."""
    yield
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if reporter:
        reporter.write_line(f"\n{dict(counts)}")


def outcome(content: bytes, folder: Path) -> tuple[Settings, ...] | None:
    """Load a file with this content; what is refused must be refused with a report."""
    path = folder / ".env"
    path.write_bytes(content)
    counts["files"] += 1
    try:
        loaded = load_deployment(str(path))
    except SettingsError as error:
        report = str(error)
        first, *lines, last = report.splitlines()
        assert re.fullmatch(rf"error: \d+ problems? in {re.escape(str(path))}", first)
        assert last == "Nothing was deployed or written."
        assert lines
        assert report.replace("\n", "").isprintable()
        assert len(report) < 20_000
        counts["refused"] += 1
        return None
    counts["accepted"] += 1
    return loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("env")


@pytest.mark.parametrize("files", [100, pytest.param(600, marks=pytest.mark.slow)])
def test_nearly_right_file_is_read_or_reported(folder: Path, files: int) -> None:
    @settings(REPEATABLE, max_examples=files)
    @given(nearly_right_files())
    def try_one(text: str) -> None:
        outcome(text.encode(), folder)

    try_one()


@settings(REPEATABLE, max_examples=500)
@given(content=st.binary(max_size=400) | st.text().map(str.encode))
def test_file_of_anything_is_reported(folder: Path, content: bytes) -> None:
    assert outcome(content, folder) is None


@pytest.mark.slow
@settings(REPEATABLE, max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(texts=right_texts(), creates_core=st.booleans(), key=st.sampled_from(ALL_KEYS), odd=any_text)
def test_what_is_accepted_is_a_clean_template(
    folder: Path, texts: dict[str, str], creates_core: bool, key: str, odd: str
) -> None:
    (folder / "output.json").write_text(outputs_of_core(texts), encoding="utf-8")
    texts["deploy_core_stack"] = str(creates_core)
    texts["core_outputs_file"] = "output.json"
    deployment = outcome(written({**texts, key: odd}).encode(), folder)
    deployment = deployment or outcome(written(texts).encode(), folder)
    assert deployment, "nothing is odd now"
    # Without an account CDK makes up a VPC that is looked up, with ids that its rules refuse.
    assume(
        not any(each.existing_platform and each.existing_platform.vpc_name for each in deployment)
    )
    counts["synthesised"] += 1
    assembly = make_app(deployment, folder / "cdk.out", template_rules=True).synth()
    assert violations(assembly.directory) == []
    for template in (stack.template for stack in assembly.stacks):
        for text in strings_in(template):
            assert not UNFILLED.search(text) or (odd and odd in text)
        if counts["synthesised"] % 3 == 1:
            counts["templates linted"] += 1
            assert findings(template, texts["aws_region"]) == []


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for each in value.values():
            yield from strings_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings_in(each)
    else:
        assert value is not None, "null in a template"
