"""Brings files of public repositories, as they were at one commit.

An ``Opener`` is a context manager around one repository: inside it, a call with a path gives the
bytes of that file. ``downloaded`` brings the files that are wanted from GitHub in one go and throws
them away afterwards, ``local`` reads checkouts that lie on this machine.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError

GITHUB = "https://github.com"
LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Repository:
    """A public repository at one commit, and the licence stated for what is taken from it."""

    name: str  # owner/name
    commit: str
    licence: str

    @property
    def folder(self) -> str:
        """Name of its checkout in a folder of checkouts."""
        return self.name.replace("/", "+")


Read = Callable[[str], bytes]
Opener = Callable[[Repository, Sequence[str]], AbstractContextManager[Read]]


class SourceError(InputError):
    """A repository cannot be had as a whole, so none of its files can."""


def local(checkouts: Path) -> Opener:
    """Reads from git repositories (bare or not) named owner+name in a folder."""

    @contextmanager
    def opened(repository: Repository, _paths: Sequence[str]) -> Iterator[Read]:
        folder = checkouts / repository.folder
        if not folder.is_dir():
            raise SourceError(f"there is no checkout {folder}")
        _require_commit(folder, repository.commit)
        yield lambda path: _shown(folder, repository.commit, path)

    return opened


def downloaded(base: str = GITHUB) -> Opener:
    """Fetches one commit of a repository, without history, and only the files that are wanted."""

    @contextmanager
    def opened(repository: Repository, paths: Sequence[str]) -> Iterator[Read]:
        with tempfile.TemporaryDirectory(prefix="vasa-source-") as name:
            folder = Path(name)
            _git(folder, "init", "--quiet")
            _git(folder, "remote", "add", "origin", f"{base}/{repository.name}")
            _git(
                folder, "fetch", "--quiet", "--depth=1", "--filter=blob:none", "origin",
                repository.commit,
            )  # fmt: skip
            there = set(list_paths(folder, repository.commit))
            wanted = "\0".join(path for path in dict.fromkeys(paths) if path in there)
            if wanted:  # one request for all of them, where ``git show`` would make one for each
                _git(
                    folder, "-c", "core.autocrlf=false", "checkout", "--quiet", repository.commit,
                    "--pathspec-from-file=-", "--pathspec-file-nul", given=wanted.encode(),
                )  # fmt: skip
            yield lambda path: _file(folder, path)

    return opened


def list_paths(folder: Path, commit: str) -> list[str]:
    """All paths of a commit of a checkout."""
    listed = _git(folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
    return [path.decode("utf8", "surrogateescape") for path in listed.split(b"\0") if path]


def _require_commit(folder: Path, commit: str) -> None:
    try:
        _git(folder, "cat-file", "-e", f"{commit}^{{commit}}")
    except SourceError as error:
        raise SourceError(f"{folder} has no commit {commit[:12]}") from error


def _shown(folder: Path, commit: str, path: str) -> bytes:
    try:
        return _real(_git(folder, "cat-file", "blob", f"{commit}:{path}"), path)
    except SourceError as error:
        raise InputError(f"{path} is not in commit {commit[:12]}") from error


def _file(folder: Path, path: str) -> bytes:
    if not (folder / path).is_file():
        raise InputError(f"{path} is not in that commit")
    return _real((folder / path).read_bytes(), path)


def _real(content: bytes, path: str) -> bytes:
    if content.startswith(LFS_POINTER):
        raise InputError(f"{path} is kept in Git LFS; install git-lfs and try again")
    return content


def _git(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """Standard output of a git command; SourceError with git's last words when it fails."""
    asked_nothing = {"GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=given,
            capture_output=True,
            check=False,
            env=os.environ | asked_nothing,
        )
    except FileNotFoundError as error:
        raise InputError("Bringing sources needs git; install it.") from error
    if done.returncode:
        words = done.stderr.decode("utf8", "replace").strip().splitlines()
        raise SourceError(words[-1] if words else f"git {arguments[0]} failed")
    return done.stdout
