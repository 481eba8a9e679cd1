"""The least that answers `--help` with click."""

import click


@click.group()
def main() -> None:
    """A program."""


@main.command()
def go() -> None:
    """Go."""


main()
