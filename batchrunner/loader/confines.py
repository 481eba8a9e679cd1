"""Where a link may lead that stands for a spec or a project file: a proposal may bring links along, to anything.

What is wrong in a spec is shown with its line. Through a link that would be a line of any file that the job can read.
"""

import os
from pathlib import Path

from batchrunner.errors import Diagnostic, InvalidFiles

YAML = (".yaml", ".yml")


def work_tree(here: Path) -> Path | None:
    """The root of the git work tree around `here`; `.git` is a file in worktrees and submodules."""
    return next((folder for folder in (here, *here.parents) if os.path.exists(folder / ".git")), None)


def refuse_leading_out(path: str) -> None:
    """Refuse `path`, a file or folder, where it goes through links and out of the git work tree it lies in.

    Without a work tree a file has to stay in its own folder, whatever links the way there goes through. Where a file
    really is, it has to be a YAML file. Raises `InvalidFiles` `outside-root` or `not-a-spec`.
    """
    lying = os.path.abspath(path)
    real = os.path.realpath(lying)
    if real == lying:
        return
    around = _confines(lying, real)
    if not _is_below(real, os.path.realpath(around)):
        raise _refused(path, "outside-root", f"this is a link that leads out of {around}",
                       "put the file itself there, or give the path that it really has")  # fmt: skip
    if not os.path.isdir(real) and not real.endswith(YAML):
        raise _refused(path, "not-a-spec", "this is a link to what is no .yaml file", "link to a .yaml file")


def _confines(lying: str, real: str) -> str:
    """The nearest work tree; not one that a link out of an outer one leads to. Else the folder."""
    trees = [str(folder) for folder in Path(lying).parents if os.path.exists(folder / ".git")]
    if trees:
        outermost = os.path.realpath(trees[-1])
        return next(tree for tree in trees if _is_below(os.path.realpath(tree), outermost))
    return os.path.dirname(real if os.path.isdir(real) else lying)


def _is_below(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip(os.sep) + os.sep)


def _refused(path: str, code: str, message: str, hint: str) -> InvalidFiles:
    return InvalidFiles((Diagnostic(code=code, message=message, path=path, hint=hint),))
