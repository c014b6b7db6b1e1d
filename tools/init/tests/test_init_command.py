"""The command: what it writes, and what it says."""

from pathlib import Path

import pytest

from settings import Settings, load_settings
from tools.init.__main__ import main
from tools.init.tests.conftest import git, make_repository
from tools.service_choice import NoSourceError, source_of

ACCOUNT = ("--account", "123456789012", "--region", "eu-west-1")
NODE = 'FROM node:22\nEXPOSE 8080\nCOPY . .\nCMD ["node", "."]\n'


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "orders.env"


def written(source: Path, target: Path, *arguments: str) -> Settings:
    assert main([str(source), "--env-file", str(target), *ACCOUNT, *arguments]) == 0
    return load_settings(target)


def refused(capsys: pytest.CaptureFixture[str], source: Path, target: Path, *others: str) -> str:
    assert main([str(source), "--env-file", str(target), *others]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.endswith("Nothing was written.\n")
    return said


def test_a_repository_becomes_settings_with_the_origin_of_each(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_repository(tmp_path, NODE)
    settings = written(source, target)
    service, delivery = settings.service, settings.delivery
    assert (delivery.repository_owner, delivery.repository_name) == ("acme", "orders")
    assert (delivery.folder_path, delivery.dockerfile) == (".", "Dockerfile")
    assert service.service_name == service.container_name == service.ecr_repository_name == "orders"
    assert (service.container_port, service.health_check_command) == (8080, None)
    assert service.seed_image == "public.ecr.aws/nginx/nginx:1.29", "the sample is on port 3000"
    assert source_of(settings, None) == source
    others = settings.delivery.model_copy(update={"repository_name": "billing"})
    with pytest.raises(NoSourceError):  # make init noted the folder of another repository
        source_of(settings.model_copy(update={"delivery": others}), None)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert 'repository_owner "acme" git remote origin' in lines
    assert 'repository_branch "main" git: current branch' in lines
    assert 'container_port "8080" EXPOSE' in lines
    assert 'account_number "123456789012" given' in lines


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        (["EXPOSE 8080 9090"], 8080),
        (["ENV PORT=9090", "EXPOSE 8080 9090"], 9090),
        (["ENV PORT=5000"], 5000),
    ],
)
def test_the_port(tmp_path: Path, target: Path, lines: list[str], port: int) -> None:
    source = make_repository(tmp_path, "\n".join(["FROM scratch", *lines]))
    assert written(source, target).service.container_port == port


def test_all_that_is_missing_is_named_as_make_has_it(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = "https://oauth2:glpat-secret@gitlab.com/acme/orders.git"
    source = make_repository(tmp_path, "FROM scratch", remote=remote)
    git(source, "checkout", "--quiet", "--detach")
    said = refused(capsys, source, target)
    assert "glpat" not in said
    names = ("ACCOUNT=", "REGION=", *(f'OPTIONS="--{n} <value>"' for n in ("owner", "repository")))
    missing = [line.partition("  ")[0] for line in said.replace("\n  ", "\n").splitlines()[1:-1]]
    assert missing == [*names, 'OPTIONS="--branch <value>"', 'OPTIONS="--port <value>"']
    given = ("--owner", "acme", "--repository", "Orders_API", "--branch", "v1", "--port", "80")
    settings = written(source, target, *given)
    assert settings.service.service_name == "orders-api"
    assert settings.delivery.repository_branch == "v1"


MONOREPO = {
    "services/orders/Dockerfile": "FROM scratch\nEXPOSE 1\nCOPY main.go .\n",
    "services/orders/main.go": "",
    "services/web/docker/Dockerfile": "FROM scratch\nEXPOSE 2\nCOPY services/web/app* shared /\n",
    "services/web/app.js": "",
    "shared/x": "",
}


def test_several_services_in_one_repository(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_repository(tmp_path, MONOREPO)
    said = refused(capsys, source, target, *ACCOUNT)
    assert "  services/orders/Dockerfile\n" in said
    assert 'Choose one by OPTIONS="--dockerfile <path>"' in said
    said = refused(capsys, source, target, *ACCOUNT, "--dockerfile", "../Dockerfile")
    assert "../Dockerfile is not in commit" in said
    delivery = written(source, target, "--dockerfile", "./services/web/docker/Dockerfile").delivery
    assert (delivery.folder_path, delivery.dockerfile) == (".", "services/web/docker/Dockerfile")
    orders = written(source / "services" / "orders", target, "--force")
    assert orders.delivery.dockerfile == "services/orders/Dockerfile"
    assert orders.service.service_name == "orders"


def test_the_health_check_of_the_image_is_kept_for_later(tmp_path: Path, target: Path) -> None:
    check = "HEALTHCHECK CMD curl -f http://localhost:${PORT}/${WHERE:-it's} || exit 1"
    source = make_repository(tmp_path, f"FROM scratch\nEXPOSE 3000\n{check}\n")
    assert written(source, target).service.health_check_command is None
    before, after = target.read_text("utf-8").split("\nhealth_check_command=''")
    later = before.splitlines()[-1].removeprefix("# After the first delivery: ")
    target.write_text(f"{before}\n{later}{after}", "utf-8")
    command = load_settings(target).service.health_check_command
    assert command == ("CMD-SHELL", "curl -f http://localhost:$PORT/it's || exit 1")


def test_a_file_that_exists_is_left_alone_without_force(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_repository(tmp_path, NODE)
    target.symlink_to(tmp_path / "mine")
    (tmp_path / "mine").write_text("mine", "utf-8")
    assert "FORCE=1 replaces it" in refused(capsys, source, target, *ACCOUNT)
    assert written(source, target, "--force").service.service_name == "orders"
    assert (tmp_path / "mine").read_text("utf-8") == "mine"
    foreign = target.with_name("orders.env.new")  # the next write would begin in this file
    foreign.write_text("mine", "utf-8")
    with pytest.raises(FileExistsError):
        main([str(source), "--env-file", str(target), *ACCOUNT, "--port", "1", "--force"])
    assert foreign.read_text("utf-8") == "mine"
    assert load_settings(target).service.container_port == 8080
    assert main([]) == 2
    assert "SOURCE=<folder" in capsys.readouterr().err


def test_what_the_settings_refuse_is_named_by_key_and_by_make_s_variable(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_repository(tmp_path, NODE, remote="https://github.com/-acme/orders.git")
    said = refused(capsys, source, target, *ACCOUNT, "--port", "http")
    assert 'container_port (OPTIONS="--port <value>"): expected a whole number' in said
    assert 'repository_owner (OPTIONS="--owner <value>"): expected the user or organ' in said
    assert not target.exists()
