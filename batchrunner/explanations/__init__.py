"""Every code that batchrunner shows, with its cause and the way on: data, and how it is found.

A code may be met in two places and mean something else in each: `missing-key` is a key of a mapping in a spec, and an
API key where something is sent. Then there are two explanations of it.
"""

from batchrunner.explanations import checkups, commandline, following, inputfiles, planning, sending, specfiles
from batchrunner.explanations.explanation import Explanation, Family
from batchrunner.explanations.finding import explanations_of, pasted

__all__ = ["FAMILIES", "Explanation", "Family", "explanations_of", "pasted"]

FAMILIES: tuple[Family, ...] = (
    *commandline.FAMILIES,
    *specfiles.FAMILIES,
    *inputfiles.FAMILIES,
    *planning.FAMILIES,
    *sending.FAMILIES,
    *following.FAMILIES,
    *checkups.FAMILIES,
)
"""In the order in which somebody meets them."""
