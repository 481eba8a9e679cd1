"""The pages of docs/reference/ that are made from the code: commands, spec, project file, codes."""

import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from batchrunner.commands import group
from batchrunner.explanations import FAMILIES, Explanation
from batchrunner.schemas import schema_text

COMMON = 6
"""An option that as many commands have is described once."""


KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", r"\<")


def row(*cells: str) -> str:
    return f"| {' | '.join(map(cell, cells))} |"


# Commands


def commands(parent: click.Group = group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that call it."""
    context = click.Context(parent)
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def names(option: click.Option) -> str:
    """`-q`, `--quiet`, `--out FILE`."""
    kind = option.type
    choice = "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else ""
    value = (
        ""
        if option.is_flag or option.count
        else f" {option.metavar or choice or _WORDS.get(kind.name, kind.name.upper())}"
    )
    return (
        ", ".join(f"`{name}`" for name in option.opts[:-1])
        + (", " if option.opts[1:] else "")
        + (f"`{option.opts[-1]}{value}`")
    )


_WORDS = {"integer range": "N", "integer": "N", "float range": "NUMBER", "float": "NUMBER"}


def meaning(option: click.Option) -> str:
    """What an option does, and what holds without it."""
    default = f" Default: `{option.default}`." if option.show_default and not option.is_flag else ""
    return f"{option.help or ''}{default}".strip()


def commands_page() -> str:
    found = [*commands()]
    counted = Counter(option.opts[-1] for _, command in found for option in options(command))
    common: dict[str, click.Option] = {}
    for _, command in sorted(found, key=lambda pair: pair[0] != "plan"):
        for each in options(command):
            if counted[each.opts[-1]] >= COMMON:
                common.setdefault(each.opts[-1], each)
    lines = [_COMMANDS, "## Options of many commands\n", _table(common.values()), "## Commands"]
    for words, command in found:
        lines.append(_command(words, command, common))
    return "\n".join(lines)


def _table(found: "Iterator[click.Option] | Sequence[click.Option] | Any") -> str:
    rows = [f"| {cell(names(option))} | {cell(meaning(option))} |" for option in found]
    return "\n".join(["| option | does |", "|---|---|", *rows, ""])


def _command(words: str, command: click.Command, common: Mapping[str, click.Option]) -> str:
    context = click.Context(command)
    arguments = [each.make_metavar(context) for each in command.params if isinstance(each, click.Argument)]
    usage = " ".join(["batchrunner", words, *arguments])
    known = {name: each.help for name, each in common.items()}
    own = [each for each in options(command) if each.help != known.get(each.opts[-1], "")]
    shared = [f"`{each.opts[-1]}`" for each in options(command) if each not in own]
    lines = [f"\n### {words}\n", f"`{usage}`\n", _help(command)]
    lines += [_table(own)] if own else []
    lines += [f"Also: {', '.join(shared)}.\n"] if shared else []
    return "\n".join(lines).rstrip() + "\n"


def _help(command: click.Command) -> str:
    """The help as Markdown: paragraphs, and what is preformatted there as it is."""
    text = inspect.cleandoc(command.help or "").split("\f")[0]
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith("\b"):
            lines = [line.strip() for line in paragraph.splitlines()[1:]]
            paragraphs.append("\n".join(f"- {line.replace('<', chr(92) + '<')}" for line in lines))
        else:
            paragraphs.append(re.sub(r"(?<![`\w-])(--[a-z][a-z-]*)(?![`\w-])", r"`\1`", paragraph).replace("<", r"\<"))
    return "\n\n".join(paragraphs) + "\n"


_COMMANDS = """\
# Commands

Made from the commands themselves; `batchrunner COMMAND --help` says the same. PATH is a spec, a directory, a glob, or
`-` for standard input. Results go to standard output, everything else to standard error. What commands end with is
said in [exit codes](exit-codes.md), which variables stand for options in [environment](environment.md).
"""


# Schemas


def schema_page(which: str, introduction: str) -> str:
    """A page with a table for each mapping of a file, from its JSON Schema."""
    whole: Mapping[str, Any] = json.loads(schema_text(which))  # type: ignore[arg-type]
    definitions = {name: part for name, part in whole["$defs"].items() if part.get("properties")}
    lines = [introduction, "## The file\n", *_fields(whole)]
    for name in _in_order(whole, definitions):
        part = definitions[name]
        said = f"{part['description'].strip()}\n" if part.get("description") else ""
        lines += [f"\n## {name}\n", *([_paragraphs(said)] if said else []), *_fields(part)]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> str:
    return "\n".join(line.strip().replace("<", r"\<") for line in text.splitlines()) + "\n"


def _in_order(whole: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """Definitions in the order in which a reader of the file meets them."""
    told, open_parts = [], [whole]
    while open_parts:
        part = open_parts.pop(0)
        for name in re.findall(r"#/\$defs/(\w+)", repr(part.get("properties", {}))):
            target = whole.get("$defs", {})[name]
            if name in definitions and name not in told:
                told.append(name)
                open_parts.append(target)
            elif name not in definitions and target not in open_parts:
                told += [each for each in re.findall(r"#/\$defs/(\w+)", repr(target)) if each in definitions]
    return iter(dict.fromkeys(told))


def _fields(part: Mapping[str, Any]) -> list[str]:
    required = part.get("required", ())
    rows = ["| field | is | default | means |", "|---|---|---|---|"]
    for name, field in part["properties"].items():
        default = f"`{_written(field['default'])}`" if "default" in field else "required" if name in required else ""
        rows.append(f"| `{name}` | {_kind(field)} | {cell(default)} | {cell(field.get('description', ''))} |")
    return rows


def _written(value: Any) -> str:
    return value or '""' if isinstance(value, str) else json.dumps(value)


def _kind(field: Mapping[str, Any]) -> str:
    """What a value is, in few words; a mapping of its own is linked."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in field:
        return f"`{_written(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{_written(each)}`" for each in field["enum"])
    if "anyOf" in field or "oneOf" in field:
        kinds = [_kind(each) for each in field.get("anyOf", field.get("oneOf"))]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "a reference"))
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()), {})
        return f"mapping to {_kind(inner)}" if isinstance(inner, dict) and inner else "mapping"
    if "${" in field.get("pattern", "").replace("\\", ""):
        return "a reference"
    return KINDS.get(field.get("type", ""), "any value")


SPEC = """\
# Spec

Every field of a spec, made from its JSON Schema, which `batchrunner schema spec` prints and editors read. How specs are
written is shown in [write specs](../how-to/write-specs.md). Values may be references, `${vars.name}`, where a field
does not say otherwise; keys that begin with `x-` are ignored at the top.
"""
PROJECT = """\
# Project file

Every field of `batchrunner.yaml`, made from its JSON Schema, which `batchrunner schema project` prints. The file is
found upwards from the spec, is optional, and belongs to the owners of the repository: a spec cannot say any of this.
What built-in providers have where the file says nothing is on the page of [providers](providers.md).
"""


# Codes

CODES = """\
# Codes

Every problem has a code, a kebab-case word that does not change: in `error[unknown-key]`, in the `reason` of a planned
change, in `--json`. Search for yours here, or type it:

```console
$ batchrunner explain 'error[unknown-key]'
unknown-key: A key that nobody knows
  Why:   Mistyped, or in the wrong place.
  To do: Correct it; `x-…` keys at the top are ignored.

         completion_window: 24h

  Met in: `validate`, `plan` and `apply`. Exit 1.
```

This page is made from what `batchrunner explain` knows, and a test holds both to the source. In results and in errors
of single batches there are codes of providers, too; those are explained in the provider's documentation. What numbers
mean is said in [exit codes](exit-codes.md).
"""


def codes_page() -> str:
    lines = [CODES]
    for family in FAMILIES:
        ending = f" Exit {family.exits.replace(', ', ' or ')}, where a code says nothing else." if family.exits else ""
        lines += [f"## {family.title}\n", f"Met in: {family.met}.{ending}\n"]
        head = ["| code | means | why | what to do | exit |", "|---|---|---|---|---|"]
        lines += [*head, *map(_code, family.entries), ""]
    return "\n".join(lines)


def _code(entry: Explanation) -> str:
    return row(f"`{entry.code}`", entry.title, entry.cause, entry.remedy, entry.exits)
