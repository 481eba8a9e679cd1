"""Results on this disk: files as they were downloaded, the row ledger over them, and the merged files it writes."""

from batchrunner.results.disk import content_of, make_folder, only_one, put, size_of
from batchrunner.results.names import folder_of, raw_name
from batchrunner.results.requests import Asked, InputMoved, ids_of, lines_by_id
from batchrunner.results.sheet import RawFile, ReadLine, Sheet
from batchrunner.results.shelf import ResultsShelf
from batchrunner.results.writing import ERRORS, RESULTS, SUMMARY, Shard, Written, write_ledger

__all__ = [
    "ERRORS",
    "RESULTS",
    "SUMMARY",
    "Asked",
    "InputMoved",
    "RawFile",
    "ReadLine",
    "ResultsShelf",
    "Shard",
    "Sheet",
    "Written",
    "content_of",
    "folder_of",
    "ids_of",
    "lines_by_id",
    "make_folder",
    "only_one",
    "put",
    "raw_name",
    "size_of",
    "write_ledger",
]
