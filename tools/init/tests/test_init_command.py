"""The command: what it writes, what it asks, and what it says."""

import io
import sys
from pathlib import Path

import pytest

from settings import Settings, load_settings
from tools.init.__main__ import main
from tools.init.tests.conftest import Made, git

ACCOUNT = ("--account", "123456789012", "--region", "eu-west-1")
NODE = 'FROM node:22\nEXPOSE 8080\nCOPY . .\nCMD ["node", "."]\n'


class Terminal(io.StringIO):
    """Standard input of somebody who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "orders.env"


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))


def written(source: Path, target: Path, *arguments: str) -> Settings:
    assert main([str(source), "--env-file", str(target), *ACCOUNT, *arguments]) == 0
    return load_settings(target)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.endswith("Nothing was written.\n")
    return said


def test_a_repository_becomes_settings(made: Made, target: Path) -> None:
    settings = written(made(NODE), target)
    service, delivery = settings.service, settings.delivery
    assert (delivery.repository_owner, delivery.repository_name) == ("acme", "orders")
    assert delivery.repository_branch == "main"
    assert (delivery.folder_path, delivery.dockerfile) == (".", "Dockerfile")
    assert delivery.buildspec_path is None
    assert service.service_name == service.container_name == service.ecr_repository_name == "orders"
    assert service.container_port == 8080
    assert service.health_check_command is None
    assert service.seed_image == "public.ecr.aws/nginx/nginx:1.29", "the sample is on port 3000"
    assert settings.account_number == "123456789012"


def test_where_each_value_comes_from_is_shown(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(made(NODE), target)
    said = capsys.readouterr().out
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in said.splitlines() if line}
    assert lines["repository_owner"] == '"acme" git remote origin'
    assert lines["repository_branch"] == '"main" git: current branch'
    assert lines["container_port"] == '"8080" EXPOSE'
    assert lines["account_number"] == '"123456789012" given'
    assert "a version that never answers" in " ".join(said.split())
    assert "node:22 -> public.ecr.aws/docker/library/node:22" in said


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        (["EXPOSE 8080 9090"], 8080),
        (["ENV PORT=9090", "EXPOSE 8080 9090"], 9090),
        (["ENV HTTP_PORT=8080 HTTPS_PORT=8443", "EXPOSE 8443 8080"], 8080),
        (["EXPOSE 443 80"], 80),
        (["EXPOSE 8443"], 8443),
        (["ENV PORT=5000"], 5000),
        (["ARG PORT=5000"], 5000),
        (["ENV DEBUG_PORT=9 PORT=5000"], 5000),
        (['CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]'], 8000),
        (["CMD gunicorn -b 0.0.0.0:8000 app:app"], 8000),
        (['CMD ["gunicorn", "--bind=:8000"]'], 8000),
    ],
)
def test_the_port(made: Made, target: Path, lines: list[str], port: int) -> None:
    settings = written(made("\n".join(["FROM scratch", *lines])), target)
    assert settings.service.container_port == port


def test_the_port_of_a_web_server_that_exposes_it_itself(made: Made, target: Path) -> None:
    text = "FROM node:22 AS build\nFROM docker.io/library/nginx:1.29\nCOPY --from=build /a /b\n"
    assert written(made(text), target).service.container_port == 80


@pytest.mark.parametrize("line", ["", "EXPOSE 0", "EXPOSE 70000", "EXPOSE 53/udp"])
def test_a_port_that_nobody_knows_is_asked_for(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    source = made(f"FROM scratch\n{line}\n")
    said = refused(capsys, str(source), "--env-file", str(target), *ACCOUNT)
    assert "--port " in said
    assert "--account" not in said
    assert written(source, target, "--port", "8080").service.container_port == 8080


def test_what_cannot_be_known_is_asked_for_on_a_terminal(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "12", "123456789012", "eu-west", "eu-west-1")
    assert main([str(made(NODE)), "--env-file", str(target)]) == 0
    said = capsys.readouterr().out
    assert "expected the 12 digits of an AWS account" in said
    assert "no AWS region has such a name" in said
    assert load_settings(target).aws_region == "eu-west-1"


def test_a_port_that_was_asked_for_decides_on_the_first_image(
    made: Made, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made("FROM scratch")
    types(monkeypatch, "http", "8080")
    assert "nginx" in written(source, target).service.seed_image
    types(monkeypatch, "3000")
    assert "ecsdemo" in written(source, target, "--force").service.seed_image


def test_a_terminal_that_is_closed_meanwhile(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    types(monkeypatch, "123456789012")
    said = refused(capsys, str(made(NODE)), "--env-file", str(target))
    assert "every one of them has a flag" in said
    assert not target.exists()


def test_without_a_terminal_all_that_is_missing_is_said_at_once(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made("FROM scratch", remote=None)
    git(source, "checkout", "--quiet", "--detach")
    said = refused(capsys, str(source), "--env-file", str(target))
    flags = ("--account", "--region", "--owner", "--repository", "--branch", "--port")
    assert [line.split()[0] for line in said.splitlines()[1:-1]] == [*flags]
    given = ("--owner", "acme", "--repository", "Orders_API", "--branch", "v1", "--port", "80")
    settings = written(source, target, *given)
    assert settings.service.service_name == "orders-api"
    assert settings.delivery.repository_branch == "v1"


def test_a_remote_elsewhere_is_not_taken_for_github(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made(NODE, remote="https://oauth2:glpat-secret@gitlab.com/acme/orders.git")
    said = refused(capsys, str(source), "--env-file", str(target), *ACCOUNT)
    assert "no remote on github.com" in said
    assert "--owner" in said
    assert "glpat" not in said


MONOREPO = {
    "services/orders/Dockerfile": "FROM scratch\nEXPOSE 1\nCOPY main.go .\n",
    "services/orders/main.go": "",
    "services/web/docker/Dockerfile": "FROM scratch\nEXPOSE 2\nCOPY services/web/app* shared /\n",
    "services/web/app.js": "",
    "shared/x": "",
}


def test_several_dockerfiles_are_a_choice(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(MONOREPO)
    said = refused(capsys, str(source), "--env-file", str(target), *ACCOUNT)
    assert "1  services/orders/Dockerfile" in said
    types(monkeypatch, "3", "2")
    settings = written(source, target)
    assert "expected a number from 1 to 2" in capsys.readouterr().out
    assert settings.service.container_port == 2
    assert settings.delivery.dockerfile == "services/web/docker/Dockerfile"


def test_the_folder_is_the_one_that_has_what_is_copied(made: Made, target: Path) -> None:
    source = made(MONOREPO)
    settings = written(source, target, "--dockerfile", "./services/web/docker/Dockerfile")
    assert settings.delivery.folder_path == "."
    assert settings.delivery.dockerfile == "services/web/docker/Dockerfile"
    assert settings.service.service_name == "orders", "the whole repository is one service"


def test_a_folder_of_a_repository_is_a_service_of_its_own(made: Made, target: Path) -> None:
    settings = written(made(MONOREPO) / "services" / "orders", target)
    assert settings.delivery.folder_path == "services/orders"
    assert settings.delivery.dockerfile_path is None
    assert settings.service.service_name == "orders"


def test_the_dockerfile_at_the_top_is_taken_before_others(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {"Dockerfile.dev": "FROM a", "ci/Dockerfile": "FROM b", "x.dockerignore": ""}
    settings = written(made({"Dockerfile": NODE, **others}), target)
    assert settings.delivery.dockerfile == "Dockerfile"
    assert "Of 3 Dockerfiles Dockerfile is taken" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argument", ["none/Dockerfile", "../Dockerfile", "/etc/passwd", "a\x1b[2J"]
)
def test_a_dockerfile_that_is_not_there(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    said = refused(
        capsys, str(made(NODE)), "--env-file", str(target), *ACCOUNT, "--dockerfile", argument
    )
    assert "is not in commit" in said
    assert "\x1b" not in said


def test_no_dockerfile(made: Made, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"README": "", "a b/Dockerfile": "FROM x", "Dockerfile.j2": "FROM x"}
    said = refused(capsys, str(made(files)), "--env-file", str(target), *ACCOUNT)
    assert "there is no Dockerfile in commit" in said


CURL = "HEALTHCHECK CMD curl -f http://localhost:3000/health || exit 1"


def test_a_health_check_that_the_first_image_passes_too(made: Made, target: Path) -> None:
    service = written(made(f"FROM scratch\nEXPOSE 3000\n{CURL}\n"), target).service
    assert service.health_check_command == (
        *("CMD-SHELL", "curl -f http://localhost:3000/health || exit 1"),
    )


@pytest.mark.parametrize(
    ("lines", "later"),
    [
        (["EXPOSE 8080", CURL.replace("3000", "8080")], "curl -f http://localhost:8080/health"),
        (["EXPOSE 3000", 'HEALTHCHECK CMD ["/app", "it\'s"]'], '["/app", "it\\\'s"]'),
        (["EXPOSE 3000", CURL.replace("/health", "/ready")], "/ready"),
        (["ENV PORT=3000", CURL.replace("3000", "${PORT}")], "http://localhost:$PORT/health"),
    ],
)
def test_a_health_check_for_later_stands_beside_its_key(
    made: Made, target: Path, lines: list[str], later: str
) -> None:
    source = made("\n".join(["FROM scratch", *lines]))
    assert written(source, target).service.health_check_command is None
    before, after = target.read_text("utf-8").split("\nhealth_check_command=''")
    note = before.splitlines()[-1]
    assert note.startswith("# After the first delivery: health_check_command='")
    assert later in note
    target.write_text(f"{before}\n{note.partition(': ')[2]}{after}", "utf-8")
    assert load_settings(target).service.health_check_command is not None


def test_a_first_image_of_ones_own_passes_the_check_of_ones_own(made: Made, target: Path) -> None:
    text = 'FROM scratch\nEXPOSE 80\nHEALTHCHECK CMD ["/app", "check"]\n'
    service = written(made(text), target, "--seed-image", "public.ecr.aws/acme/orders:1").service
    assert service.health_check_command == ("CMD", "/app", "check")
    assert service.container_port == 80


def test_braces_in_a_health_check_are_replaced(made: Made, target: Path) -> None:
    check = "HEALTHCHECK CMD curl -f localhost:${SERVICE_PORT}/${WHERE:-health} || exit 1"
    text = f"FROM scratch\nEXPOSE 3000\n{check}\n"
    assert written(made(text), target).service.health_check_command == (
        *("CMD-SHELL", "curl -f localhost:$SERVICE_PORT/health || exit 1"),
    )


def test_a_file_that_is_there_is_left_alone_unless_told(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made(NODE)
    target.write_text("mine", "utf-8")
    said = refused(capsys, str(source), "--env-file", str(target), *ACCOUNT)
    assert "--force" in said
    assert target.read_text("utf-8") == "mine"
    assert written(source, target, "--force").service.service_name == "orders"
    assert not [path for path in target.parent.iterdir() if path.name.startswith(".")]


def test_nothing_is_written_through_a_link(
    made: Made, tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made(NODE)
    target.symlink_to(tmp_path / "elsewhere")
    refused(capsys, str(source), "--env-file", str(target), *ACCOUNT)
    assert written(source, target, "--force").service.service_name == "orders"
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_cannot_be_written(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made(NODE)
    for place, said in ((tmp_path, "is a folder"), (tmp_path / "no" / "x", "cannot be written")):
        assert said in refused(capsys, str(source), "--env-file", str(place), *ACCOUNT)


def test_what_the_settings_do_not_take_is_said_by_key_and_flag(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made(NODE, remote="https://github.com/-acme/orders.git")
    said = refused(capsys, str(source), "--env-file", str(target), *ACCOUNT, "--port", "http")
    assert "container_port (--port): expected a whole number" in said
    assert "repository_owner (--owner): expected the user or organisation" in said
    assert not target.exists()


def test_escape_sequences_of_a_repository_reach_no_terminal(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'FROM "a\x1b[31m:1"\nEXPOSE 80\nHEALTHCHECK CMD echo \x1b[2J\n'
    source = made({"Dockerfile": text, "\x1b[2J/Dockerfile": "FROM x"})
    written(source, target)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err + target.read_text("utf-8")


def test_a_credential_in_a_dockerfile_is_neither_shown_nor_written(
    made: Made, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"  # noqa: S105 - opens nothing
    text = f"FROM scratch\nEXPOSE 80\nHEALTHCHECK CMD curl -H 'x: {token}' localhost\n"
    written(made(text), target)
    said = capsys.readouterr()
    assert token not in said.out + said.err + target.read_text("utf-8")


@pytest.mark.parametrize(
    ("repository", "label", "ecr"),
    [
        ("My.Orders_API", "my-orders-api", "my-orders-api"),
        ("x" * 100, "x" * 63, "x" * 63),
        ("_a_", "a", "a-service"),
        ("---", "service", "service"),
    ],
)
def test_names_that_aws_takes(
    made: Made, target: Path, repository: str, label: str, ecr: str
) -> None:
    settings = written(made(NODE, remote=f"https://github.com/acme/{repository}"), target)
    assert settings.service.service_name == label
    assert settings.service.ecr_repository_name == ecr
    assert settings.delivery.repository_name == repository
