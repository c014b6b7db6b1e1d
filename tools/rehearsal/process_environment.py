"""The environments of git and of a container engine, both the user's own: what they need."""

from collections.abc import Mapping

from tools.local_aws.process_environment import EVERY_PROCESS, chosen

# The user's configuration says, for instance, whose folders git may read, and what it ignores.
_GIT = ("HOME", "XDG_CONFIG_HOME")

# An engine is the user's own: where it is, how it reaches registries and packages. By name: with
# `DOCKER_` alone would come a DOCKER_PASSWORD.
_ENGINE = (
    *("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    *("DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM"),
    *("BUILDKIT_HOST", "BUILDX_BUILDER", "BUILDX_CONFIG"),
    *("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY"),
    *("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "CONTAINERS_REGISTRIES_CONF"),
    *("CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "STORAGE_OPTS", "BUILDAH_ISOLATION"),
    *("REGISTRY_AUTH_FILE", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)


def git_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what git may have: it reads the repository in its folder, and writes nothing."""
    kept = chosen((*EVERY_PROCESS, *_GIT), shell)
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def engine_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the command line of a container engine may have."""
    return chosen((*EVERY_PROCESS, *_ENGINE), shell)
