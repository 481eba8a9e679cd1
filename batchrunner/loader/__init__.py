"""From what people wrote to values: specs and project files, or every problem in them with its place.

Nothing else reads YAML, and nothing in here writes, sends or reads the environment.
"""

from collections.abc import Iterable, Sequence

from batchrunner.errors import Diagnostic
from batchrunner.loader.confines import work_tree
from batchrunner.loader.elsewhere import specs_in
from batchrunner.loader.files import PROJECT_FILE, find_specs, is_spec_name
from batchrunner.loader.findings import Finding, Source, document_diagnostics, in_file_order
from batchrunner.loader.moving import moved_files
from batchrunner.loader.names import spec_names
from batchrunner.loader.projects import bare_project, load_project, project_of
from batchrunner.loader.specs import load_specs
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText
from batchrunner.spec import Spec

__all__ = [
    "PROJECT_FILE",
    "Finding",
    "InvalidText",
    "Source",
    "bare_project",
    "diagnostics_at",
    "find_specs",
    "is_spec_name",
    "load_project",
    "load_specs",
    "moved_files",
    "project_of",
    "read_yaml",
    "spec_names",
    "specs_in",
    "work_tree",
]


def diagnostics_at(spec: Spec, findings: Iterable[Finding]) -> Sequence[Diagnostic]:
    """Problems found later, in file order, at values of `spec`: `(*batch.pointer, "input")`, in the batch or the
    defaults."""
    return in_file_order(document_diagnostics(Source(spec.path, spec.text), findings))
