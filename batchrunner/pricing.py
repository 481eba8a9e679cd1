"""What requests ask for and what they should cost: values that a plan shows and a state keeps."""

from batchrunner.records import Record

BYTES_PER_TOKEN = 4
"""A token of usual text in any script: 5 to 7 % off for European languages and code, 6 % for Chinese, as measured."""

BY_BYTES = "bytes/4"


class Demand(Record):
    """What the requests for one `model` ask for: how many, `size` in bytes of their lines, and tokens.

    `input_tokens` are an estimate; `output_tokens` the most there can be, None where a request sets no limit.
    """

    model: str
    requests: int
    size: int
    input_tokens: int
    output_tokens: int | None


class Estimate(Record):
    """What a submission should take, in tokens, and cost, in US dollars. Never a bill.

    `counted_by` is how input tokens were counted: `bytes/4`, or the name of a tokenizer. `output_tokens` is the most
    there can be, None where that is not known. Costs go from `cost_low`, without any output, to `cost_high`, with all
    of it; None is unknown, which is never nothing. `basis` says what the prices are: `batch` (listed for batches),
    `discount` (listed, less the provider's discount), `full` (listed for live calls, so an upper bound), `project` (set
    in the project file), or several of them, joined by `+`. `unpriced` are the models without a price.
    """

    input_tokens: int
    output_tokens: int | None
    counted_by: str = BY_BYTES
    cost_low: float | None = None
    cost_high: float | None = None
    basis: str = ""
    unpriced: tuple[str, ...] = ()
