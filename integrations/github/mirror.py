"""The commits of pull requests, as objects in a bare repository: nothing is checked out or run."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from integrations.code_review.visible import clipped, visible
from integrations.github.errors import GitHubLater
from integrations.github.site import Site

__all__ = ["Mirror"]

_PATIENCE = 600.0
_KEPT = (
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
)
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "gc.auto": "0",
    "http.followRedirects": "false",  # one to another host would carry the token
    "maintenance.auto": "false",
    "protocol.allow": "never",
}


@dataclass(frozen=True, slots=True)
class Mirror:
    """The objects of one repository, below `folder`; may be deleted when no review of it is under way."""

    site: Site
    folder: Path
    repository: str

    @property
    def path(self) -> Path:
        """The bare repository."""
        url = self.site.clone_url(self.repository)
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.git"

    def fetch(self, *commits: str) -> Path:
        """The bare repository, with these commits in it, without what came before them.

        Commits of forks are fetched from the repository that the pull request is for. Raises `GitHubLater`.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=_PATIENCE):
            if not (self.path / "HEAD").exists():
                self._git("init", "--quiet", "--bare", "--template=", str(self.path))
            absent = [one for one in commits if not self._has(one)]
            if absent:
                refs = [f"+{one}:refs/reviews/{one}" for one in absent]
                options = (
                    "--quiet",
                    "--no-tags",
                    "--no-recurse-submodules",
                    "--no-write-fetch-head",
                    "--depth=1",
                )
                self._git("fetch", *options, self.site.clone_url(self.repository), *refs, inside=True)
        return self.path

    def _has(self, commit: str) -> bool:
        ref = ("rev-parse", "--verify", "--quiet", f"refs/reviews/{commit}^{{commit}}")
        return self._run(ref, inside=True).returncode == 0

    def _git(self, *arguments: str, inside: bool = False) -> None:
        ended = self._run(arguments, inside=inside)
        if ended.returncode:
            said = visible(ended.stderr.decode("utf-8", "replace")).strip()
            reason = clipped(" ".join(said.split()), 300) or f"exit code {ended.returncode}"
            raise GitHubLater(f"git {arguments[0]} of {self.repository} failed: {reason}")

    def _run(self, arguments: tuple[str, ...], *, inside: bool) -> subprocess.CompletedProcess[bytes]:
        where = ("--git-dir", str(self.path)) if inside else ()
        try:
            return subprocess.run(  # noqa: S603  # a fixed program; names are checked, commits are hashes
                ("git", *where, *arguments),  # noqa: S607
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except FileNotFoundError:
            raise GitHubLater("the git program was not found: install git") from None
        except subprocess.TimeoutExpired:
            raise GitHubLater(f"git {arguments[0]} of {self.repository} took over {_PATIENCE:g} s") from None

    def _environment(self) -> dict[str, str]:
        """The settings are here and not among the arguments, which every user of this machine can read."""
        scheme = self.site.web.partition(":")[0]
        settings = {**_SETTINGS, f"protocol.{scheme}.allow": "always"}
        if self.site.token is not None:
            pair = base64.b64encode(f"x-access-token:{self.site.token.reveal()}".encode()).decode()
            settings[f"http.{self.site.web}/.extraHeader"] = f"Authorization: Basic {pair}"
        numbered = {
            f"GIT_CONFIG_{part}_{number}": text
            for number, pair in enumerate(settings.items())
            for part, text in zip(("KEY", "VALUE"), pair, strict=True)
        }
        kept = {name: value for name in _KEPT if (value := os.environ.get(name)) is not None}
        return (
            kept
            | numbered
            | {
                "GIT_CONFIG_COUNT": str(len(settings)),
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_LFS_SKIP_SMUDGE": "1",
                "LC_ALL": "C",
            }
        )
