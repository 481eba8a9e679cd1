"""Keys stay where they are read: in nothing that is written, and on no way but to the provider.

That the key is in no output and in no file is checked after every run, here and in all tests that use a provider.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.cli import KEY, SPEC, Desk, provided

OFFLINE = """
import os, sys

FORBIDDEN = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}

def refuse(event, arguments):
    if event in FORBIDDEN:
        os.write(2, b"TOUCHED THE NETWORK " + event.encode() + b"\\n")
        os._exit(99)
    if event == "open" and str(arguments[0]).endswith(".key"):
        os.write(2, b"READ A KEY\\n")
        os._exit(99)

sys.addaudithook(refuse)
"""
CRASH = """
import os, sys

def crash(event, arguments):
    if event == "import" and arguments[0] in {"batchrunner.telemetry", "batchrunner.render.lines"}:
        raise ValueError("defect while holding " + os.environ["ALPHAEDGE_API_KEY"])

sys.addaudithook(crash)
"""
# Breaks the first thing that is loaded once the key has been read.
HOSTILE_ENVIRONMENT = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "all_proxy": "socks5://127.0.0.1:9",
    "SSL_CERT_FILE": "/nowhere",
    "SSLKEYLOGFILE": "tls.log",
}
REDIRECTS = [301, 302, 303, 307, 308]


@contextmanager
def listening(answer: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives every connection one answer; yields its origin and what was sent to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    heard.append(connection.recv(65_536))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()


def reply(status: int, body: bytes = b"{}", header: str = "X-Nothing: 1") -> bytes:
    head = f"HTTP/1.1 {status} Words\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{header}\r\n\r\n"
    return head.encode() + body


def hooked(desk: Desk, code: str) -> dict[str, str]:
    """An environment in which every interpreter runs `code` first."""
    folder = desk.folder.with_name("hooks")
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "s.yaml", "--out", "plan.json"],
        ["validate", "s.yaml"],
        ["plan", "s.yaml", "--sandbox", "--format", "markdown"],
        ["apply", "s.yaml", "--target", "s/nothing"],
    ],
)
def test_looking_opens_no_connection_and_reads_no_key(desk: Desk, arguments: list[str]) -> None:
    desk.write("batchrunner.yaml", "providers: {alphaedge: {api_key: {file: secrets/a.key}}}\n")
    desk.write("secrets/a.key", KEY)
    ran = desk.run(*arguments, env=HOSTILE_ENVIRONMENT | hooked(desk, OFFLINE))
    assert ran.code == (64 if "apply" in arguments else 0), ran


def test_the_hook_that_denies_would_notice(desk: Desk) -> None:
    env = hooked(desk, OFFLINE)
    with listening() as (origin, heard):
        ran = desk.run("apply", "s.yaml", env={"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": KEY, **env})
    assert (ran.code, heard) == (99, [])
    desk.write("batchrunner.yaml", "providers: {alphaedge: {api_key: {file: secrets/a.key}}}\n")
    desk.write("secrets/a.key", KEY)
    assert desk.run("apply", "s.yaml", env=env).code == 99


@pytest.mark.parametrize(
    ("status", "flags"),
    [(401, ["-vv"]), (401, []), (400, ["--json"]), (400, ["-vv"]), (500, ["-vv", "--log-format", "json"]), (500, [])],
)
def test_a_provider_that_echoes_the_key_cannot_make_us_show_it(desk: Desk, status: int, flags: list[str]) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "code": KEY}}).encode()
    with listening(reply(status, body, f"X-Request-Id: {KEY}")) as (origin, heard):
        desk.write("batchrunner.yaml", "providers: {alphaedge: {retry: {attempts: 2, base_seconds: 0.001}}}\n")
        ran = desk.run("apply", "s.yaml", *flags, env={"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": KEY})
        shown = desk.run("state", "show", "s/ready", "--json")
    assert any(f"Bearer {KEY}".encode() in request for request in heard)
    assert (ran.code, shown.code) == (3 if status == 500 else 1, 0)


def test_a_refused_key_stops_the_run_with_nothing_in_doubt(desk: Desk) -> None:
    desk.env["ALPHAEDGE_API_KEY"] = "sk-the-wrong-one-0123456789"
    with provided(desk):
        ran = desk.run("apply", "s.yaml", env={"ALPHAEDGE_API_KEY": "sk-the-wrong-one-0123456789"})
        assert (ran.code, desk.ledger.batches()) == (1, [])
        assert "Check the provider's API key" in ran.out
        assert "sk-the-wrong-one" not in ran.out + ran.err
        again = desk.run("apply", "s.yaml", "--json")
        assert (again.code, again.document["submitted"]) == (0, 2)


def test_a_key_from_a_file_goes_to_the_provider_and_nowhere_else(shop: Desk) -> None:
    shop.write("secrets/alphaedge.key", f"{KEY}\n")
    shop.write(
        "batchrunner.yaml", f"providers: {{alphaedge: {{api_key: {{file: {shop.folder}/secrets/alphaedge.key}}}}}}\n"
    )
    ran = shop.run("apply", "s.yaml", "-vv", env={"ALPHAEDGE_API_KEY": ""})
    assert (ran.code, len(shop.ledger.batches())) == (0, 2)


@pytest.mark.parametrize("flags", [[], ["-vv"], ["-vv", "--log-format", "json"], ["--json", "-vv"]])
def test_a_crash_shows_where_it_happened_and_no_key(shop: Desk, flags: list[str]) -> None:
    """A defect whose own message holds the key: the worst there can be."""
    with shop.started("apply", "s.yaml", *flags, env=hooked(shop, CRASH)) as crashed:
        out, err = crashed.communicate()
    assert (crashed.returncode, shop.posts) == (1, 0)
    assert KEY not in out + err
    shop.check_files()
    assert "internal-error" in (out if "--json" in flags else err)
    assert "ValueError: defect while holding [redacted]" in out + err
    assert ("Traceback" in err) is ("-vv" in flags)
    assert shop.run("apply", "s.yaml", "--json").document["submitted"] == 2


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_never_followed(desk: Desk, status: int) -> None:
    with listening(reply(200)) as (attacker, stolen):
        with listening(reply(status, header=f"Location: {attacker}/v1/batch")) as (origin, heard):
            env = {"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": KEY}
            ran = desk.run("apply", "s.yaml", "--target", "s/ready", env=env)
        assert stolen == []
    assert heard
    assert ran.code != 0


def test_the_environment_cannot_reroute_a_request(shop: Desk) -> None:
    with listening(reply(200)) as (proxy, heard):
        home = shop.folder.with_name("home")
        home.mkdir()
        (home / ".netrc").write_text("machine 127.0.0.1 login evil password evil\n")
        rerouted = {name: proxy for name in HOSTILE_ENVIRONMENT if "proxy" in name.lower()}
        env = {**rerouted, "HOME": str(home), "NETRC": str(home / ".netrc"), "SSLKEYLOGFILE": "tls.log"}
        ran = shop.run("apply", "s.yaml", env=env)
    assert (ran.code, heard, shop.ledger.requests().get("unauthorized", 0)) == (0, [], 0)


HOSTILE_SPECS = [
    SPEC.replace("defaults: {", "defaults: {base_url: '{url}', "),
    SPEC.replace("defaults: {", "defaults: {provider: '{url}', "),
    SPEC.replace("defaults: {", "defaults: {headers: {Host: '{url}'}, "),
    SPEC.replace("file-abc", "'{url}/v1/batch'"),
    SPEC.replace("file-abc", "../../steal"),
    SPEC.replace("/v1/embeddings", "'{url}/v1/embeddings'"),
    SPEC.replace("/v1/embeddings", "'@{url}'"),
    SPEC.replace("data/rows.jsonl", "'{url}/rows.jsonl'"),
    SPEC.replace("data/rows.jsonl", "/proc/self/environ"),
    SPEC.replace("defaults: {", "defaults: {metadata: {key: '${env.ALPHAEDGE_API_KEY}'}, "),
    f"providers: {{alphaedge: {{base_url: '{{url}}'}}}}\n{SPEC}",
]


@pytest.mark.parametrize("spec", HOSTILE_SPECS)
def test_no_spec_can_send_a_key_elsewhere(shop: Desk, spec: str) -> None:
    with listening(reply(200)) as (attacker, stolen):
        shop.write("s.yaml", spec.replace("{url}", attacker))
        ran = shop.run("apply", "s.yaml", "--target", "s/*")
    assert stolen == []
    assert ran.code in {0, 1, 3}


def test_files_that_may_hold_words_of_customers_are_private(shop: Desk) -> None:
    shop.run("plan", "s.yaml", "--out", "plan.json")
    shop.run("apply", "plan.json")
    shop.run("state", "rm", "s/rows", "--yes")
    names = ["plan.json", *(path.name for path in shop.folder.glob("s.state.*"))]
    assert len(names) >= 5
    assert {oct((shop.folder / name).stat().st_mode & 0o777) for name in names} == {"0o600"}


def test_a_key_is_redacted_from_json_whatever_characters_it_has(desk: Desk) -> None:
    """JSON spells a quote and a backslash with escapes: looked for afterwards, the key would not be found."""
    key = 'sk-"quoted"\\and\\more-0123456789'
    body = json.dumps({"error": {"message": f"bad key {key}"}}).encode()
    with listening(reply(401, body)) as (origin, _heard):
        ran = desk.run("apply", "s.yaml", "--json", env={"ALPHAEDGE_BASE_URL": origin, "ALPHAEDGE_API_KEY": key})
    assert key not in json.dumps(ran.document, ensure_ascii=False).replace('\\"', '"').replace("\\\\", "\\")
    assert "[redacted]" in ran.out
    assert all(key.encode() not in path.read_bytes() for path in Path(desk.folder).rglob("*.json*"))
