"""Reads local inputs: opened beneath the project root, checked line by line, digested, in one streaming pass."""

from batchrunner.inputs.allowance import Allowance
from batchrunner.inputs.cache import ScanCache, decided_by
from batchrunner.inputs.content import open_content
from batchrunner.inputs.globbing import Patterns
from batchrunner.inputs.guessing import path_meant
from batchrunner.inputs.opening import Beneath, InputRefused, open_beneath, relative_to_root
from batchrunner.inputs.scan import Scan, ScannedPart, digest_input, scan_lines
from batchrunner.inputs.scanning import scan_file
from batchrunner.inputs.steady import SteadyFile

__all__ = [
    "Allowance",
    "Beneath",
    "InputRefused",
    "Patterns",
    "Scan",
    "ScanCache",
    "ScannedPart",
    "SteadyFile",
    "decided_by",
    "digest_input",
    "open_beneath",
    "open_content",
    "path_meant",
    "relative_to_root",
    "scan_file",
    "scan_lines",
]
