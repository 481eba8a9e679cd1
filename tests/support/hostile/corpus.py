"""Every hostile repository."""

from itertools import chain

from support.hostile import documents, paths, planted, sizes, texts
from support.hostile.repository import Hostile

CORPUS: tuple[Hostile, ...] = tuple(
    chain(
        texts.told(), texts.refused(), texts.inputs(),
        paths.named(), paths.linked(), paths.tables(), paths.specs(), paths.projects(), paths.names(),
        documents.documents(), documents.references(), documents.fields(),
        sizes.matrices(), sizes.patterns(), sizes.tables(), sizes.inputs(),
        planted.projects(), planted.states(), planted.plans(), planted.surroundings(),
        sizes.products(),
    )
)  # fmt: skip
