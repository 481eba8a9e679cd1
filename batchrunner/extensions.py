"""What other packages bring: dialects, found by entry point when their name is asked for, and not before."""

from typing import Any

GROUP = "batchrunner.providers"


def brought(name: str) -> Any:
    """What an installed package has as `name` in the group `batchrunner.providers`; None where none has.

    Raises whatever loading it raises.
    """
    # Looking through all packages that are installed takes as long as a whole start.
    from importlib.metadata import entry_points

    found = [*entry_points(group=GROUP, name=name)]
    return found[0].load() if found else None
