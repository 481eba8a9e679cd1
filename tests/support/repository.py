"""Git repositories of specs, made with git itself and with nothing of the machine's own configuration."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.cli import Desk

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@e.example", "GIT_AUTHOR_DATE": "2026-11-22T00:00:00Z",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@e.example", "GIT_COMMITTER_DATE": "2026-11-22T00:00:00Z",
}  # fmt: skip


@dataclass(frozen=True)
class Checkout:
    """A work tree to edit, commit and plan in."""

    desk: Desk

    @property
    def folder(self) -> Path:
        """Its top."""
        return self.desk.folder

    def git(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """Run git in it; what it printed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env={**self.desk.environment(), **ENVIRONMENT, **(env or {})},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit everything there is; the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def clone(self, folder: Path, *arguments: str) -> "Checkout":
        """Clone it into `folder`."""
        self.git("clone", "--quiet", *arguments, self.folder.as_uri(), str(folder))
        return Checkout(Desk(folder, dict(self.desk.env)))

    def fingerprint(self) -> str:
        """A digest of every file there is, git's own too, with its time of change."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            digest.update(f"{path} {path.lstat().st_mtime_ns}".encode())
            digest.update(path.read_bytes() if path.is_file() and not path.is_symlink() else b"")
        return digest.hexdigest()


def repository(desk: Desk) -> Checkout:
    """The folder of `desk` as a repository with nothing committed."""
    checkout = Checkout(desk)
    checkout.git("init", "--quiet", "--initial-branch", "main")
    return checkout
