"""Commits of git repositories: fetched into the cache, and checked out to be built.

    <cache>/git-v1/<key of the URL>     a bare mirror

git runs with the person's own configuration, for their keys and credential helpers; it asks
nobody on a terminal.
"""

import os
import subprocess

from envc.disk.cache import record_use
from envc.disk.ownership import configuration_folder, home_folder, is_left_alone
from envc.errors import OutsideError, UsageError
from envc.model.digest import digest_of, hex_of

_KEY_DIGITS = 24


class Repository:
    """The repository at `url`, mirrored below `kept`. `shown` names it to people: no secrets."""

    def __init__(self, url: str, *, kept: str, shown: str, offline: bool) -> None:
        self._url = url
        self._mirror = f"{kept}/{hex_of(digest_of(url.encode()))[:_KEY_DIGITS]}"
        self._shown = shown
        self._offline = offline

    def commit(self, reference: str) -> str:
        """The commit that a branch, a tag or a commit's name stands for now; "": the default.

        Raises:
            OutsideError: the repository cannot be reached.
            UsageError: it has no such reference, or there is no git here.
        """
        if self._known(reference) != reference or not reference:
            self._fetch()
        found = self._known(reference or "HEAD")
        if found is None:
            raise UsageError(
                f"the repository has no {reference or 'default branch'}",
                where=self._shown,
                mend="name a branch, a tag or a commit of it",
            )
        return found

    def check_out(self, commit: str, folder: str) -> None:
        """Put the tree of a commit that `commit` told into a new folder, with its history.

        Raises:
            OutsideError: git fails.
        """
        record_use(os.path.dirname(os.path.dirname(self._mirror)), self._mirror)
        self._git("clone", "-q", "--no-checkout", self._mirror, folder)
        self._git("-C", folder, "checkout", "-q", "--detach", commit)
        if os.path.exists(f"{folder}/.gitmodules"):
            self._git("-C", folder, "submodule", "update", "-q", "--init", "--recursive")

    def _known(self, reference: str) -> str | None:
        """The commit of a reference as far as the mirror has it."""
        if not os.path.isdir(self._mirror):
            return None
        command = ["git", "-C", self._mirror, "rev-parse", "-q", "--verify"]
        done = _run([*command, "--end-of-options", f"{reference}^{{commit}}"])
        return done.stdout.strip() if done.returncode == 0 else None

    def _fetch(self) -> None:
        if self._offline:
            if os.path.isdir(self._mirror):
                return
            raise OutsideError(
                "the cache does not have this repository",
                where=self._shown,
                mend="run without --offline",
            )
        if not os.path.isdir(self._mirror):
            os.makedirs(os.path.dirname(self._mirror), mode=0o700, exist_ok=True)
            self._git("init", "-q", "--bare", self._mirror)
        self._git(
            "-C", self._mirror, "fetch", "-q", "--force", "--prune", self._url, "+refs/*:refs/*"
        )
        head = _run(["git", "ls-remote", "--symref", self._url, "HEAD"]).stdout
        if head.startswith("ref: "):
            name = head.removeprefix("ref: ").split()[0]
            self._git("-C", self._mirror, "symbolic-ref", "HEAD", name)

    def _git(self, *words: str) -> None:
        done = _run(["git", *words])
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            reason = lines[-1].replace(self._url, self._shown) if lines else "it tells no reason"
            raise OutsideError(
                f"git fails: {reason}",
                where=self._shown,
                mend="check the URL, the network, and that git may read the repository",
            )


def git_environment() -> dict[str, str]:
    """This process's variables for git, which asks nobody, and reads nothing others could change.

    Its configuration names commands that it runs.
    """
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    environment.pop("GIT_DIR", None)
    found = (
        f"{configuration_folder(os.environ)}/git/config",
        f"{home_folder(os.environ)}/.gitconfig",
    )
    if "GIT_CONFIG_GLOBAL" not in environment and any(map(is_left_alone, found)):
        environment["GIT_CONFIG_GLOBAL"] = os.devnull
    return environment


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError(
            "git is not here, and a requirement names a git repository", mend="install git"
        ) from error
