"""A copy of revision a26ce21, with its owner's changes, takes this version by `git merge`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from settings.examples import ESSENTIALS
from tools.rehearsal.pipeline.source_tree import git_environment
from tools.repository import ROOT

FROM = "a26ce2166203d41833b826949de8a54c1955eb67"
PAGE = (ROOT / "docs" / "next-version.md").read_text(encoding="utf-8")
SAMPLE = "application-code/ecsdemo-backend/ecsdemo_backend/app.py"

Git = Callable[..., str]


def run_git(folder: Path, *arguments: str, may_fail: bool = False) -> str:
    owner = {
        f"GIT_{role}_{what}": "owner@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = git_environment() | owner
    del environment["GIT_NO_REPLACE_OBJECTS"]  # The page has a copy say what it was made of by one.
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert may_fail or done.returncode == 0, f"git {arguments}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def history() -> None:
    """Without the revision in the history there is nothing to merge with; never silently."""
    if run_git(ROOT, "rev-parse", "--is-shallow-repository", may_fail=True).strip() == "true":
        pytest.fail(
            "this clone is shallow, so that the merge from a26ce21 cannot be tried: "
            "git fetch --unshallow (actions/checkout: fetch-depth: 0)"
        )
    known = run_git(ROOT, "merge-base", FROM, "HEAD", may_fail=True).strip()
    if known != FROM:
        pytest.skip(
            "THE MERGE FROM a26ce21 WAS NOT TRIED: that revision is not in the history of this "
            "repository (docs/next-version.md says how a copy without history is told)"
        )


def at_the_old_revision(folder: Path) -> Git:
    """Have a clone that stands at the old revision; return its git."""
    run_git(ROOT, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder))
    run_git(folder, "checkout", "--quiet", "-b", "main-of-the-copy", FROM)
    return lambda *arguments, **options: run_git(folder, *arguments, **options)


def edit(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name}: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def make_it_ones_own(folder: Path, git: Git) -> None:
    """Do what an owner does: settings, a service, a change of the sample, edits in constructs."""
    settings = (folder / "sample.env").read_text(encoding="utf-8")
    own = ESSENTIALS | {"service_name": "orders", "desired_count": "2", "folder_path": "services/o"}
    for key, value in own.items():
        settings = re.sub(rf'^{key}=".*"$', f'{key}="{value}"', settings, flags=re.MULTILINE)
    (folder / "prod.env").write_text(settings, encoding="utf-8")
    service = folder / "services" / "o"
    service.mkdir(parents=True)
    (service / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    sample = (folder / SAMPLE).read_text(encoding="utf-8")
    (folder / SAMPLE).write_text(f"# Ours.\n{sample}", encoding="utf-8")
    # One in a file that is renamed by now, one in a file that is merged into another one.
    edit(
        folder,
        "backend_service/discoverable_service.py",
        "min_healthy_percent=100",
        "min_healthy_percent=50",
    )
    edit(
        folder,
        "backend_service/backend_task.py",
        "_HEALTH_INTERVAL = Duration.seconds(10)",
        "_HEALTH_INTERVAL = Duration.seconds(15)",
    )
    git("add", "--all")
    git("add", "--force", "prod.env")  # .gitignore of that revision had it
    git("commit", "--quiet", "--message", "Our service")


def conflicts(git: Git) -> set[str]:
    return set(git("diff", "--name-only", "--diff-filter=U").split())


def places() -> dict[str, str]:
    """Return what the page says: the old file and where its subject is now."""
    rows = re.findall(r"^\| (`[\w/]+\.py`.*) \| `([\w/]+\.py)` \|$", PAGE, re.MULTILINE)
    return {old: new for olds, new in rows for old in re.findall(r"`([\w/.]+)`", olds)}


def newest() -> str:
    return run_git(ROOT, "rev-parse", "HEAD").strip()


@pytest.mark.slow
@pytest.mark.usefixtures("history")
def test_a_copy_with_its_own_changes_takes_this_version(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    git = at_the_old_revision(copy)
    make_it_ones_own(copy, git)
    own = {name: (copy / name).read_bytes() for name in ("prod.env", "services/o/Dockerfile")}
    git("merge", "--no-edit", newest(), may_fail=True)
    assert conflicts(git) == {"backend_service/backend_task.py"}
    # As the page says: the edit again, where the subject is now, and the old file goes.
    edit(
        copy,
        places()["backend_service/backend_task.py"],
        "_HEALTH_INTERVAL = Duration.seconds(10)",
        "_HEALTH_INTERVAL = Duration.seconds(15)",
    )
    git("rm", "--quiet", "backend_service/backend_task.py")
    git("commit", "--quiet", "--all", "--no-edit")
    assert {name: (copy / name).read_bytes() for name in own} == own
    assert (copy / SAMPLE).read_text(encoding="utf-8").startswith("# Ours.\n")
    resources = synthesise(copy, "prod.env")["BackendServiceStack"]["Resources"]
    (service,) = of_type("AWS::ECS::Service", resources)
    (task,) = of_type("AWS::ECS::TaskDefinition", resources)
    assert service["ServiceName"] == "orders"
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 50
    assert task["ContainerDefinitions"][0]["HealthCheck"]["Interval"] == 15


@pytest.mark.slow
@pytest.mark.usefixtures("history")
def test_a_copy_without_history_is_told_what_it_was_made_of(tmp_path: Path) -> None:
    """As by GitHub's "Use this template": one commit that follows nothing."""
    copy = tmp_path / "copy"
    git = at_the_old_revision(copy)
    git("checkout", "--quiet", "--orphan", "template")
    git("commit", "--quiet", "--message", "Initial commit")
    make_it_ones_own(copy, git)
    (told,) = re.findall(r"`git (replace --graft) \$\((git rev-list [^)]+)\) <REVISION>`", PAGE)
    first = git(*told[1].split()[1:]).strip()
    git(*told[0].split(), first, FROM)
    git("merge", "--no-edit", newest(), may_fail=True)
    assert conflicts(git) == {"backend_service/backend_task.py"}


@pytest.mark.usefixtures("history")
def test_the_page_knows_where_every_construct_of_that_revision_is() -> None:
    names = run_git(
        *(ROOT, "ls-tree", "-r", "--name-only", FROM, "--"),
        *("backend_service", "core_infra", "app.py", "helper_function_logs.py"),
    )
    gone = {name for name in names.split() if not (ROOT / name).exists()}
    assert gone == set(places())
    assert [new for new in places().values() if not (ROOT / new).exists()] == []


def test_a_settings_file_of_an_environment_can_be_committed(tmp_path: Path) -> None:
    """What is in `.env` is one's own; what is in prod.env is the team's."""
    run_git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    ignored = run_git(
        *(tmp_path, "check-ignore", ".env", "prod.env", "orders.env", "sample.env"),
        may_fail=True,
    )
    assert ignored.split() == [".env"]


def synthesise(copy: Path, env_file: str) -> dict[str, Any]:
    """Return the templates of a copy's app, made by its own code."""
    script = (
        "import json\nfrom app import templates_of\nfrom settings import load_deployment\n"
        f"print(json.dumps(dict(templates_of(load_deployment({env_file!r})))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    templates: dict[str, Any] = json.loads(done.stdout)
    return templates


def of_type(kind: str, resources: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources.values() if each["Type"] == kind]
