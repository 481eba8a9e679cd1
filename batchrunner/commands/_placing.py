"""Where reviews find files: GitHub and GitLab look from the top of the checkout, wherever the command was run."""

import os
from dataclasses import replace

from batchrunner import records
from batchrunner.errors import BatchrunnerError, Diagnostic, InvalidFiles
from batchrunner.plans import Plan
from batchrunner.settings import Settings, environment


def placed_path(path: str, form: str) -> str:
    """`path`, relative to this folder, from the top of the checkout that the service of `form` names.

    As it is where there is no such service, for standard input, and for what lies outside of the checkout.
    """
    settings = Settings.read(environment())
    top = {"github": settings.github_workspace, "gitlab": settings.gitlab_project}.get(form, "")
    if not top or path in {"", "-"} or "\0" in path:
        return path
    # The last part may be a link of the repository, which is reviewed as one.
    folder, name = os.path.split(os.path.abspath(path))
    found = os.path.relpath(os.path.join(os.path.realpath(folder), name), os.path.realpath(top))
    return path if found.split(os.sep)[0] == os.pardir else found


def placed(at: Diagnostic, form: str) -> Diagnostic:
    """`at`, where the service of `form` finds it."""
    return replace(at, path=placed_path(at.path, form))


def placed_error(error: BatchrunnerError, form: str) -> BatchrunnerError:
    """`error`, its files where the service of `form` finds them."""
    if not isinstance(error, InvalidFiles):
        return error
    return InvalidFiles(tuple(placed(each, form) for each in error.diagnostics), unlisted=error.unlisted)


def placed_plan(plan: Plan, form: str) -> Plan:
    """`plan` to be shown, its specs where the service of `form` finds them."""
    specs = (records.replace(spec, path=placed_path(spec.path, form)) for spec in plan.specs)
    return records.replace(plan, specs=tuple(specs))
