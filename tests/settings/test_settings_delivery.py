"""The delivery pipeline."""

from collections.abc import Callable

import pytest

from settings import Problem, Settings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

CONNECTION = "arn:aws:codeconnections:eu-central-1:123456789012:connection/0a1b-2c3d"


@pytest.mark.parametrize(
    "arn", [CONNECTION, CONNECTION.replace("codeconnections", "codestar-connections")]
)
def test_connection_wins_over_the_token(load: Load, arn: str) -> None:
    delivery = load(connection_arn=arn).delivery
    assert delivery.connection_arn == arn
    assert delivery.github_token_secret_name is None


@pytest.mark.parametrize("token", [None, "", "<PLACEHOLDER>", "no such name!"])
def test_connection_needs_no_token(load: Load, token: str | None) -> None:
    settings = load(connection_arn=CONNECTION, github_token_secret_name=token)
    assert settings.delivery.github_token_secret_name is None


def test_token_without_a_connection(load: Load) -> None:
    name = "shop/token"
    delivery = load(github_token_secret_name=name).delivery
    assert delivery.github_token_secret_name == name
    assert delivery.connection_arn is None


def test_a_connection_may_have_been_made_in_any_region(load: Load) -> None:
    arn = CONNECTION.replace("eu-central-1", "us-east-1")
    assert load(connection_arn=arn).delivery.connection_arn == arn


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("connection/0a1b", "expected the ARN of a connection"),
        (CONNECTION.replace("codeconnections", "iam"), "expected the ARN of a connection"),
        (CONNECTION.replace("123456789012", "999999999999"), "of account 999999999999"),
        (CONNECTION.replace("eu-central-1", ""), "of no region"),
        (CONNECTION.replace("arn:aws:", "arn:aws-cn:"), "of partition aws-cn"),
    ],
)
def test_impossible_connection(problems: Problems, arn: str, expected: str) -> None:
    found = problems(connection_arn=arn)
    assert list(found) == ["connection_arn"]
    assert expected in found["connection_arn"].message


@pytest.mark.parametrize(
    "token",
    [
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "0123456789abcdef0123456789abcdef01234567",
        "my token",
        "tøken",
    ],
)
def test_token_itself_is_refused_and_not_repeated(problems: Problems, token: str) -> None:
    problem = problems(github_token_secret_name=token)["github_token_secret_name"]
    assert "not the token itself" in problem.message
    assert token not in problem.label + problem.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("./application-code/app/.", "application-code/app"),
        ("app/", "app"),
        ("app", "app"),
        ("a/../b//c", "b/c"),
        (".", "."),
        ("./", "."),
    ],
)
def test_folder_path_is_normalised(load: Load, written: str, meant: str) -> None:
    assert load(folder_path=written).delivery.folder_path == meant


def test_the_trigger_of_a_pipeline_takes_no_longer_folder(load: Load, problems: Problems) -> None:
    assert load(folder_path="f" * 252, connection_arn=CONNECTION).delivery.folder_path == "f" * 252
    assert "at most 252" in problems(folder_path="f" * 253)["folder_path"].message


@pytest.mark.parametrize("key", ["folder_path", "buildspec_path", "dockerfile_path"])
def test_path_that_is_no_path(problems: Problems, key: str) -> None:
    assert "at most 1024" in problems(**{key: "f/" * 512 + "f"})[key].message


def test_address_that_is_too_long_to_be_one(problems: Problems) -> None:
    address = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.com"
    assert (
        "one e-mail address" in problems(notification_email=address)["notification_email"].message
    )


@pytest.mark.parametrize("key", ["folder_path", "buildspec_path", "dockerfile_path"])
@pytest.mark.parametrize("path", ["..", "../app", "app/../../x", "/app", "./../app", "//app"])
def test_path_out_of_the_repository(problems: Problems, key: str, path: str) -> None:
    found = problems(**{key: path})
    assert list(found) == [key]
    assert "out of the repository" in found[key].message


@pytest.mark.parametrize("key", ["folder_path", "buildspec_path", "dockerfile_path"])
@pytest.mark.parametrize("path", ["a b", "a;b", "$(x)", "a\\b", "*", "~/a", "a,b"])
def test_path_with_special_characters(problems: Problems, key: str, path: str) -> None:
    assert "expected a path of letters" in problems(**{key: path})[key].message


def test_path_that_a_command_takes_for_an_option(problems: Problems) -> None:
    assert "begin with a hyphen" in problems(folder_path="a/-rf")["folder_path"].message


def test_buildspec_path_is_normalised(load: Load) -> None:
    assert load(buildspec_path="./a//buildspec.yml").delivery.buildspec_path == "a/buildspec.yml"


def test_no_buildspec_path_means_that_of_the_sample_and_an_empty_one_none(load: Load) -> None:
    path = "application-code/ecsdemo-backend/templates/buildspec.yml"
    assert load(buildspec_path=None).delivery.buildspec_path == path
    assert load(buildspec_path="").delivery.buildspec_path is None


@pytest.mark.parametrize(
    ("folder", "dockerfile", "meant"),
    [
        (".", "", "Dockerfile"),
        ("./app", "", "app/Dockerfile"),
        (".", "./docker/web.Dockerfile", "docker/web.Dockerfile"),
        ("app", "app/docker/Dockerfile", "app/docker/Dockerfile"),
    ],
)
def test_where_the_dockerfile_is(load: Load, folder: str, dockerfile: str, meant: str) -> None:
    assert load(folder_path=folder, dockerfile_path=dockerfile).delivery.dockerfile == meant


@pytest.mark.parametrize("path", ["docker/Dockerfile", "application/Dockerfile"])
def test_dockerfile_outside_of_its_folder(problems: Problems, path: str) -> None:
    found = problems(folder_path="app", dockerfile_path=path)
    assert list(found) == ["dockerfile_path"]
    assert 'outside of folder_path="app"' in found["dockerfile_path"].message


@pytest.mark.parametrize("path", [".", "./", "a/", "a/."])
def test_buildspec_path_that_names_a_folder(problems: Problems, path: str) -> None:
    assert "names a folder" in problems(buildspec_path=path)["buildspec_path"].message


@pytest.mark.parametrize("owner", ["a", "aws-samples", "acme_corp", "a" * 39])
def test_possible_owner(load: Load, owner: str) -> None:
    assert load(repository_owner=owner).delivery.repository_owner == owner


@pytest.mark.parametrize(
    "owner", ["-a", "a-", "a/b", "a b", "@a", "https://github.com/a", "a" * 40]
)
def test_impossible_owner(problems: Problems, owner: str) -> None:
    assert "organisation alone" in problems(repository_owner=owner)["repository_owner"].message


@pytest.mark.parametrize("name", ["a/b", "a b", "app.git", "git@github.com:a/b", "..", "a" * 101])
def test_impossible_repository(problems: Problems, name: str) -> None:
    assert "name alone" in problems(repository_name=name)["repository_name"].message


@pytest.mark.parametrize("branch", ["main", "release/1.2", "feature/a_b-c", "v1+x"])
def test_possible_branch(load: Load, branch: str) -> None:
    assert load(repository_branch=branch).delivery.repository_branch == branch


@pytest.mark.parametrize(
    "branch",
    [
        "a b",
        "a..b",
        "/a",
        "a/",
        "a//b",
        "-a",
        "a.lock",
        "a.",
        ".a",
        "a/.b",
        "a~1",
        "a^",
        "a:b",
        "a*",
        "a?",
        "[a]",
        "{a}",
        "a@{1}",
        "@",
        "a\\b",
        "$(x)",
        "ä",
        "a" * 245,
    ],
)
def test_impossible_branch(problems: Problems, branch: str) -> None:
    found = problems(repository_branch=branch)
    assert "name of one branch" in found["repository_branch"].message


def test_notification_email(load: Load) -> None:
    delivery = load(notification_email="on-call+shop@example.co.uk").delivery
    assert delivery.notification_email == "on-call+shop@example.co.uk"


def test_no_notification_email(load: Load) -> None:
    assert load(notification_email="").delivery.notification_email is None


@pytest.mark.parametrize(
    "email", ["me", "me@", "@x.com", "me@host", "a@x.com,b@x.com", "a b@x.com"]
)
def test_impossible_email(problems: Problems, email: str) -> None:
    assert "one e-mail address" in problems(notification_email=email)["notification_email"].message
