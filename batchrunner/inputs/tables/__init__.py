"""Reads tables as the request lines that their rows are rendered to: CSV, TSV, JSONL and Parquet, in flat memory."""

from batchrunner.inputs.tables.problems import BadTable
from batchrunner.inputs.tables.rendered import RenderedRows, format_of
from batchrunner.inputs.tables.scanning import scan_table

__all__ = ["BadTable", "RenderedRows", "format_of", "scan_table"]
