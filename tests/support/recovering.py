"""Where the reviewed words of commands about doubt and loss lie."""

from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden" / "doubt"
