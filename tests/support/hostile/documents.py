"""Documents that exhaust, confuse or subvert a reader of YAML; references that ask for what is not theirs."""

from collections.abc import Iterator

from support.hostile.repository import FIELDS, GOOD, Hostile, batch


def _laughs(depth: int, width: int) -> str:
    """Aliases of aliases: `width` to the power of `depth` nodes."""
    lines = ["x-0: &a0 [pwned]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth)]
    return "\n".join(lines) + "\n" + GOOD


def _nested(opening: str, closing: str, depth: int) -> str:
    return f"x-a: {opening * depth}{closing * depth}\n{GOOD}"


DOCUMENTS = {
    "laughs": lambda: _laughs(10, 10),
    "laughs-wide": lambda: _laughs(4, 2000),
    "laughs-of-mappings": lambda: "x-0: &a {k: v}\n" + "".join(
        f"x-{n}: &{'b' * n} {{l: *{'b' * (n - 1) or 'a'}, r: *{'b' * (n - 1) or 'a'}}}\n" for n in range(1, 40)) + GOOD,
    "alias-of-itself": lambda: "x-a: &a [*a]\n" + GOOD,
    "alias-of-its-parent": lambda: "&a\nx-a: {b: *a}\n" + GOOD,
    "alias-unknown": lambda: "x-a: *pwned\n" + GOOD,
    "alias-as-key": lambda: "x-a: &a pwned\n*a : 1\n" + GOOD,
    "anchors": lambda: "x-a:\n" + "".join(f"  - &a{n} {n}\n" for n in range(150_000)) + GOOD,
    "anchor-again": lambda: "x-a: [&a pwned, &a other, *a]\n" + GOOD,
    "anchor-long": lambda: f"x-a: &{'a' * 100_000} pwned\n" + GOOD,
    "nested-lists": lambda: _nested("[", "]", 5_000),
    "nested-far": lambda: _nested("[", "]", 1_000_000),
    "nested-open": lambda: "x-a: " + "[" * 100_000,
    "nested-mappings": lambda: _nested("{a: ", "}", 3_000),
    "nested-blocks": lambda: "x-a:\n" + "".join(" " * n + "a:\n" for n in range(1, 1_200)) + GOOD,
    "nested-dashes": lambda: "x-a:\n  " + "- " * 20_000 + "a\n" + GOOD,
    "nested-questions": lambda: "? " * 10_000 + "a\n" + GOOD,
    "nested-keys": lambda: "{" * 5_000 + "a" + "}: 1" * 5_000,
    "merge": lambda: "x-a: &a {name: pwned}\nbatches:\n  - <<: *a\n    input_file_id: f\n",
    "merge-list": lambda: "x-a: &a {b: 1}\nx-b: {<<: [*a, *a, *a]}\n" + GOOD,
    "tag-object": lambda: "x-a: !!python/object/apply:os.system ['touch @OUTSIDE@/pwned']\n" + GOOD,
    "tag-new": lambda: "x-a: !!python/object/new:subprocess.Popen [['touch', '@OUTSIDE@/pwned']]\n" + GOOD,
    "tag-name": lambda: "x-a: !!python/name:os.environ ''\n" + GOOD,
    "tag-module": lambda: "x-a: !!python/module:pwned ''\n" + GOOD,
    "tag-include": lambda: "x-a: !include /etc/passwd\n" + GOOD,
    "tag-env": lambda: "x-a: !ENV ${ALPHAEDGE_API_KEY}\n" + GOOD,
    "tag-binary": lambda: "x-a: !!binary cHduZWQ=\n" + GOOD,
    "tag-of-nothing": lambda: "x-a: ! pwned\n" + GOOD,
    "directive": lambda: "%TAG ! tag:pwned.example,2026:\n---\n" + GOOD,
    "directive-version": lambda: "%YAML 9.9\n---\n" + GOOD,
    "directives": lambda: "%PWNED x\n" * 20_000 + "---\n" + GOOD,
    "keys-twice": lambda: "batches: []\n" + GOOD,
    "keys-twice-often": lambda: "".join("x-a: 1\n" for _ in range(60_000)) + GOOD,
    "keys-many": lambda: "".join(f"x-{n}: 1\n" for n in range(90_000)) + GOOD,
    "keys-unknown": lambda: "".join(f"pwned{n}: 1\n" for n in range(20_000)) + GOOD,
    "keys-of-numbers": lambda: "1: a\nnull: b\ntrue: c\n[a]: d\n{a: b}: e\n" + GOOD,
    "keys-dunder": lambda: "__class__: {__init__: {__globals__: pwned}}\n" + GOOD,
    "scalar-huge": lambda: f"x-a: {'a' * 3_900_000}\n" + GOOD,
    "scalar-of-lines": lambda: "x-a: |\n" + "  pwned\n" * 400_000 + GOOD,
    "scalar-of-escapes": lambda: 'x-a: "' + "\\x41" * 900_000 + '"\n' + GOOD,
    "scalar-folded": lambda: "x-a: >\n" + "  a\n\n" * 600_000 + GOOD,
    "scalar-open": lambda: 'x-a: "pwned' + "\n pwned" * 400_000,
    "number-huge": lambda: f"x-a: {'9' * 1_000_000}\nversion: {'9' * 100_000}\n" + GOOD,
    "number-of-exponent": lambda: "version: 1e999999999\nx-a: .inf\n" + GOOD,
    "number-octal": lambda: f"version: 0o{'7' * 100_000}\n" + GOOD,
    "several-documents": lambda: GOOD + "---\n" + GOOD,
    "many-documents": lambda: "---\n" * 500_000,
    "documents-ended": lambda: "...\n" * 500_000,
    "comments": lambda: "# ::error::pwned\n" * 200_000 + GOOD,
    "comment-long": lambda: "#" * 4_000_000 + "\n" + GOOD,
    "tabs": lambda: "batches:\n\t- pwned\n",
    "indicators": lambda: "@pwned: `pwned`\n%pwned: &\n" + GOOD,
    "flow-open": lambda: "batches: [" + "{name: a, " * 30_000,
    "commas": lambda: "x-a: [" + "," * 500_000 + "]\n" + GOOD,
    "colons": lambda: "x-a: " + "a: " * 100_000 + "\n" + GOOD,
    "too-large": lambda: "#" * (4 << 20) + "\n" + GOOD,
    "far-too-large": lambda: GOOD + "# pwned\n" * 8_000_000,
    "dates": lambda: "x-a: 2026-99-99T99:99:99Z\nrun: {once_per: day, timezone: ../../../etc/passwd}\n" + GOOD,
    "timezone": lambda: "run: {once_per: day, timezone: /etc/passwd}\n" + GOOD,
    "timezone-of-nul": lambda: 'run: {once_per: day, timezone: "UTC\\0"}\n' + GOOD,
    "empty": lambda: "",
    "blank": lambda: " \n" * 1_000_000,
}  # fmt: skip
BYTES = {
    "not-utf-8": b"batches: \xff\xfe\x80pwned\n",
    "overlong": b"x-a: \xc0\xaf\xe0\x80\xaf\n" + GOOD.encode(),
    "surrogates": b"x-a: \xed\xa0\x80\n" + GOOD.encode(),
    "cut-short": GOOD.encode() + b"x-a: \xf0\x9f",
    "nul": b"\0" + GOOD.encode(),
    "nuls": b"\0" * 3_000_000,
    "utf-16": GOOD.encode("utf-16"),
    "utf-16-bare": GOOD.encode("utf-16-be"),
    "utf-32": GOOD.encode("utf-32"),
    "utf-7": b"x-a: +ADw-script+AD4-pwned\n" + GOOD.encode(),
    "latin-1": "x-é: pwned\n".encode("latin-1") + GOOD.encode(),
    "marks": b"\xef\xbb\xbf" * 3 + GOOD.encode(),
    "mark-inside": b"x-a: \xef\xbb\xbfpwned\n" + GOOD.encode(),
    "carriage-returns": GOOD.replace("\n", "\r").encode() * 2,
    "elf": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 100,
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0" + bytes(range(256)) * 100,
}
SECRETS = ("ALPHAEDGE_API_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN", "HOME", "PATH")
REFERENCES = {
    **{f"env-{name.lower().replace('_', '-')}": f"${{env.{name}}}" for name in SECRETS},
    "env-all": "${env}",
    "env-star": "${env.*}",
    "env-of-env": "${env.${env.HOME}}",
    "nested": "${vars.${env.ALPHAEDGE_API_KEY}}",
    "nested-far": "${" * 5_000 + "env.ALPHAEDGE_API_KEY" + "}" * 5_000,
    "through-a-variable": "${vars.stolen}",
    "through-itself": "${vars.loop}",
    "through-a-tower": "${vars.t99}",
    "escaped-twice": "$$${env.ALPHAEDGE_API_KEY}",
    "open": "${env.ALPHAEDGE_API_KEY",
    "many": "${vars.long}" * 5_000,
    "shell": "$(printenv) $ALPHAEDGE_API_KEY `env`",
    "attribute": "${vars.__class__.__init__.__globals__}",
    "format": "{0.__class__} %(ALPHAEDGE_API_KEY)s %s",
    "template": "{{ env.ALPHAEDGE_API_KEY }} {% include '/etc/passwd' %} <%= ENV %>",
    "actions": "${{ secrets.GITHUB_TOKEN }}",
    "indirect": "${!ALPHAEDGE_API_KEY} ${ALPHAEDGE_API_KEY:-pwned}",
    "file": "${file:/etc/passwd} ${file(/etc/passwd)} ${path.root}",
    "spaces": "${ env.ALPHAEDGE_API_KEY }",
    "case": "${ENV.ALPHAEDGE_API_KEY} ${Env.alphaedge_api_key}",
    "confusable": "${еnv.ALPHAEDGE_API_KEY}",  # noqa: RUF001
    "row": "${row.ALPHAEDGE_API_KEY}",
}
_VARIABLES = (
    "vars:\n  stolen: '${env.ALPHAEDGE_API_KEY}'\n  loop: '${vars.loop}'\n  t0: pwned\n"
    + "".join(f"  t{n}: '${{vars.t{n - 1}}}${{vars.t{n - 1}}}'\n" for n in range(1, 100))
    + f"  long: {'x' * 4000}\n"
)


def documents() -> Iterator[Hostile]:
    """YAML as an attack."""
    for name, text in DOCUMENTS.items():
        yield Hostile("yaml", name, {"specs/s.yaml": text})
    for name, data in BYTES.items():
        yield Hostile("bytes", name, {"specs/s.yaml": data})


def references() -> Iterator[Hostile]:
    """References to what a spec has no right to, in a label that every plan shows."""
    for name, text in REFERENCES.items():
        alone = _VARIABLES if text.startswith("${vars.") else ""
        spec = f"{alone}batches:\n  - {{name: a, {FIELDS}, metadata: {{k: '{text}'}}}}\n"
        yield Hostile("references", name, {"specs/s.yaml": spec})


def fields() -> Iterator[Hostile]:
    """What a spec may not say: where a provider is, what it is sent along, what is run."""
    for name, said in {
        "providers": "providers: {alphaedge: {base_url: 'https://pwned.example'}}\n",
        "policy": "policy: {allow_env: [ALPHAEDGE_API_KEY]}\n",
        "state": "state: {url: 'file:@OUTSIDE@/pwned'}\n",
        "project": "project: pwned\n",
        "base-url": "base_url: https://pwned.example\n",
        "hooks": "hooks: {before: 'touch @OUTSIDE@/pwned'}\n",
        "include": "include: [/etc/passwd]\n",
        "profile": "profile: pwned\n",
        "webhook": "notify: {url: 'https://pwned.example'}\n",
    }.items():
        yield Hostile("fields", name, {"specs/s.yaml": said + GOOD})
    for name, field in {
        "base-url": {"base_url": "https://pwned.example"},
        "headers": {"headers": "{Authorization: pwned}"},
        "api-key": {"api_key": "{env: GITHUB_TOKEN}"},
        "provider-of-url": {"provider": "https://pwned.example"},
        "provider-of-path": {"provider": "../../outside/secret"},
        "endpoint-of-url": {"endpoint": "https://pwned.example/v1"},
        "endpoint-of-path": {"endpoint": "/v1/../../pwned"},
        "endpoint-of-host": {"endpoint": "//pwned.example/v1"},
        "file-id-of-path": {"input_file_id": "../../pwned"},
        "shard": {"shard": "{max_requests: 0, max_bytes: -1, max_tokens: 1e99}"},
    }.items():
        yield Hostile("fields", f"batch-{name}", {"specs/s.yaml": batch(**{"input_file_id": "f", **field})})
