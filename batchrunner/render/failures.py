"""Why there is no plan, in the forms that a pull request shows: a comment, annotations, a report on code quality."""

from collections.abc import Iterable, Iterator, Sequence

from batchrunner.errors import BatchrunnerError, Diagnostic, InvalidFiles
from batchrunner.render.fences import code, marker
from batchrunner.render.github import command, diagnostics_github
from batchrunner.render.gitlab import Issue, issues_json
from batchrunner.render.units import count, counted

LIMIT = 60_000
"""Characters of a comment."""
ROOM = LIMIT - 2_000


def failure_markdown(error: BatchrunnerError, paths: Sequence[str]) -> str:
    """The comment in the place of a plan for `paths`, at most 60,000 characters; found again as that plan's would be.

    Ends with a newline.
    """
    if isinstance(error, InvalidFiles):
        return _comment(_headline(error), _problems(error), paths)
    told = [f"- {code(error.code)}: {code(error.message)}"]
    told += [f"  at {code(error.where)}"] if error.where else []
    told += [f"  {code(error.why)}"] if error.why else []
    told += [f"  help: {code(error.hint)}"] if error.hint else []
    return _comment("⛔ could not be made", told, paths)


def _comment(headline: str, told: Iterable[str], paths: Sequence[str]) -> str:
    head = f"{marker(tuple(paths))}\n### batchrunner plan: {headline}"
    return "\n\n".join([head, "Nothing is planned, and nothing can be applied.", "\n".join(told)]) + "\n"


def _headline(error: InvalidFiles) -> str:
    files = len({diagnostic.path for diagnostic in error.diagnostics})
    errors = counted(len(error.diagnostics) + error.unlisted, "error")
    return f"⛔ specs are invalid · {errors} in {counted(files, 'file')}"


def _problems(error: InvalidFiles) -> Iterator[str]:
    room, listed = ROOM, 0
    for diagnostic in error.diagnostics:
        text = "\n".join(_problem(diagnostic))
        room -= len(text) + 1
        if room < 0:
            break
        listed += 1
        yield text
    if rest := len(error.diagnostics) - listed + error.unlisted:
        yield f"- … and {count(rest)} more"


def _problem(diagnostic: Diagnostic) -> Iterator[str]:
    yield f"- {code(diagnostic.where)} {code(diagnostic.code)}: {code(diagnostic.message)}"
    if diagnostic.source.strip():
        yield f"  in {code(diagnostic.source.strip())}"
    if diagnostic.hint:
        yield f"  help: {code(diagnostic.hint)}"


def failure_github(error: BatchrunnerError) -> str:
    """Annotations at the places that are wrong; for another error one without a place."""
    if isinstance(error, InvalidFiles):
        return diagnostics_github(error.diagnostics, unlisted=error.unlisted)
    return command("error", _sentences(error), title=error.code)


def failure_gitlab(error: BatchrunnerError, paths: Sequence[str]) -> str:
    """A report on code quality; of an error without a place at the first of `paths`."""
    if isinstance(error, InvalidFiles):
        return diagnostics_gitlab(error.diagnostics)
    where = next(iter(paths), "")
    return issues_json([Issue(error.code, _sentences(error), where, severity="blocker")])


def diagnostics_gitlab(diagnostics: Iterable[Diagnostic]) -> str:
    """Problems in what people wrote as a report on code quality."""
    return issues_json(
        Issue(each.code, f"{each.message}. {each.hint}" if each.hint else each.message, each.path, each.line, "blocker")
        for each in diagnostics
    )


def _sentences(error: BatchrunnerError) -> str:
    where = f"{error.where}: " if error.where else ""
    return f"{where}{error.message}. {error.why} {error.hint}".strip()
