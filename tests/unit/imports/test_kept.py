"""What an import keeps secret: who can read it, for how long, and what happens where nobody can."""

import base64
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from taskflow import task
from taskflow.patterns import linear_flow

from glimpse.access.keyring import KeyRing
from glimpse.access.policy import Policy
from glimpse.access.secret import Secret
from glimpse.catalog.records import Image, ImportRecord, NewImage, NewImport
from glimpse.imports.kept import seal
from glimpse.imports.plugins.thirdparty.adapter import ThirdParty
from glimpse.imports.service import ImportService
from glimpse.testing.httpserver import HttpServer, Reply
from tests.checks import check_active, check_queued
from tests.engine import ADMIN, Engine

RAW = bytes(range(256)) * 8192
TOKEN = "a-token-of-somebody-who-trusts-us"
CATALOG = '[{"type": "image", "endpoints": []}]'
CALLER = replace(ADMIN, token=Secret(TOKEN), catalog=CATALOG)
USER, PASSWORD, SIGNATURE = "bob", "p%40ss:of-bob", "sig-in-the-query"


def secret_url(server: HttpServer, path: str = "/image") -> str:
    return server.url(f"{path}?x={SIGNATURE}").replace("//", f"//{USER}:{PASSWORD}@")


def start(engine: Engine, image: Image, uri: str) -> ImportRecord:
    current = engine.catalog.images.get(image.id)
    body = {"method": {"name": "web-download", "uri": uri}, "all_stores": True}
    return engine.service.start(current, body, None, CALLER)


def ring(engine: Engine) -> KeyRing:
    return KeyRing.of(engine.settings)


class Uses(task.Task):  # type: ignore[misc]
    """A plugin's task that does something with the caller's context."""

    def __init__(self, name: str, use: Callable[[Any], object], context: Any) -> None:
        super().__init__(name=name, provides=f"{name}-gives")
        self._use = use
        self._context = context

    def execute(self, file_path: str) -> object:
        return self._use(self._context)


def plugin(name: str, use: Callable[[Any], object]) -> ThirdParty:
    return ThirdParty(name, lambda context, **_: linear_flow.Flow(name).add(Uses(name, use, context)))


def trusts(engine: Engine, *plugins: ThirdParty) -> None:
    """Let the engine have plugins of others."""
    engine.plugins = plugins
    engine.service = ImportService(
        engine.settings,
        engine.catalog,
        engine.resources.stores,
        Policy.of(engine.settings),
        engine.board,
        plugins,
    )


def check_masked(record: ImportRecord) -> None:
    for secret in (PASSWORD, "p@ss:of-bob", SIGNATURE, TOKEN):
        assert secret not in str(record)


def test_an_address_with_a_password_works_and_is_shown_without_it(engine: Engine) -> None:
    image = engine.create()
    with HttpServer({f"/image?x={SIGNATURE}": Reply(RAW)}) as server:
        record = start(engine, image, secret_url(server))
        check_masked(record)
        shown = server.url("/image?***").replace("//", "//***@")
        assert record.request["method"] == {"name": "web-download", "uri": shown}
        assert record.sealed is not None
        with engine.conducting():
            ended = engine.ended(record)
        basic = base64.b64encode(b"bob:p@ss:of-bob").decode()
        assert server.requests[0].headers["authorization"] == f"Basic {basic}"
    assert ended.status == "success", ended
    assert ended.sealed is None
    check_masked(ended)
    check_active(engine, image.id, RAW, 2)


def test_an_address_without_secrets_needs_no_key(engine: Engine) -> None:
    image = engine.create()
    with HttpServer({"/image": Reply(RAW)}) as server, engine.conducting():
        record = start(engine, image, server.url("/image"))
        assert (record.sealed, record.request["method"]) == (
            None,
            {"name": "web-download", "uri": server.url("/image")},
        )
        assert engine.ended(record).status == "success"
    assert not (engine.settings.data / "key-ring").exists()


def lose(engine: Engine) -> None:
    (engine.settings.data / "key-ring").unlink()


def change(engine: Engine) -> None:
    lose(engine)
    ring(engine).seal(b"")


def spoil(engine: Engine) -> None:
    (engine.settings.data / "key-ring").write_text("no key at all\n")


@pytest.mark.parametrize(
    ("harm", "words", "advice"),
    [
        (lose, "There is no key ring", "Copy it from"),
        (change, "which is not in the key ring", "All hosts that share a database"),
        (spoil, ":1: is no key", "openssl rand"),
    ],
)
def test_without_the_key_the_import_fails_and_says_what_to_do(
    engine: Engine, harm: Callable[[Engine], None], words: str, advice: str
) -> None:
    image = engine.create()
    with HttpServer({"/image": Reply(RAW)}) as server:
        record = start(engine, image, secret_url(server))
        harm(engine)
        with engine.conducting():
            ended = engine.ended(record)
        assert not server.requests
    assert (ended.status, ended.sealed) == ("failure", None)
    assert ended.error is not None
    assert (ended.error["code"], ended.error["retryable"]) == ("key-ring", True)
    assert words in ended.message
    assert advice in str(ended.error["hint"])
    check_queued(engine, image.id)


def test_where_it_cannot_be_encrypted_nothing_begins(engine: Engine) -> None:
    image = engine.create()
    spoil(engine)
    with pytest.raises(Exception, match="is no key"):
        start(engine, image, "http://bob:secret@127.0.0.1/x")
    assert engine.catalog.images.get(image.id).status == "queued"
    assert not engine.catalog.imports.for_image(image.id)


def test_what_is_sealed_for_one_import_is_of_no_use_to_another(engine: Engine) -> None:
    mine, theirs = engine.create(), engine.create()
    sealed = seal(
        NewImport(theirs.id, "web-download", {"method": {"uri": "http://bob:secret@h/"}}, ("main",)),
        CALLER,
        ring(engine),
    )
    body = {"method": {"name": "web-download", "uri": "http://127.0.0.1:1/"}}
    stolen = NewImport(mine.id, "web-download", body, ("main",), sealed=sealed.sealed)
    record = engine.catalog.imports.begin(stolen, {"queued"})
    with engine.conducting():
        ended = engine.ended(record)
    assert ended.status == "failure"
    assert str(sealed.id) in ended.message


def test_a_plugin_of_others_acts_in_the_callers_name(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[Any, ...]] = []

    def use(context: Any) -> object:
        seen.append((context.auth_token, context.service_catalog, context.to_dict()["auth_token"]))
        assert TOKEN not in repr(context)
        return {"token": context.auth_token}

    trusts(engine, plugin("acts", use))
    image = engine.create()
    with HttpServer({"/image": Reply(RAW)}) as server:
        record = start(engine, image, server.url("/image"))
        assert record.sealed is not None
        check_masked(record)
        with engine.conducting():
            ended = engine.ended(record)
    assert ended.status == "success", ended
    assert seen == [(TOKEN, [{"type": "image", "endpoints": []}], TOKEN)]
    # Not even where the plugin itself hands it on.
    check_masked(ended)


def test_what_a_plugin_says_when_it_fails_is_masked(engine: Engine) -> None:
    def use(context: Any) -> object:
        raise RuntimeError(f"they did not like {context.auth_token}")

    trusts(engine, plugin("speaks", use))
    image = engine.create()
    with HttpServer({"/image": Reply(RAW)}) as server, engine.conducting():
        ended = engine.ended(start(engine, image, server.url("/image")))
    assert ended.message == "plugin speaks: they did not like ***"
    check_masked(ended)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_token_is_kept_only_where_somebody_else_acts_with_it(engine: Engine, trusted: bool) -> None:
    if trusted:
        trusts(engine, plugin("acts", lambda context: None))
    else:
        trusts(engine)
    image = engine.create()
    record = start(engine, image, "http://127.0.0.1:1/x")
    assert (record.sealed is not None) == trusted
    assert (engine.settings.data / "key-ring").exists() == trusted
    engine.catalog.images.delete(image.id)
    assert engine.catalog.imports.get(record.id).sealed is None


def test_a_task_that_makes_its_image_keeps_it_too(engine: Engine) -> None:
    with HttpServer({f"/image?x={SIGNATURE}": Reply(RAW)}) as server, engine.conducting():
        uri = secret_url(server)
        given = {"import_from": uri, "image_properties": {"note": uri}}
        new = NewImage(disk_format="raw", container_format="bare", owner="p")
        record = engine.service.start_task(
            new, {"method": {"name": "import", "uri": uri}, "input": given}, CALLER
        )
        check_masked(record)
        assert engine.ended(record).status == "success"
        check_masked(engine.catalog.imports.get(record.id))


def test_the_log_has_no_word_of_it(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """The masks of the formatter come on top of this."""
    image = engine.create()
    caplog.set_level(logging.DEBUG)
    with HttpServer({f"/image?x={SIGNATURE}": Reply(status=404)}) as server, engine.conducting():
        ended = engine.ended(start(engine, image, secret_url(server)))
    assert "HTTP 404" in ended.message
    assert ended.message in caplog.text
    for secret in (PASSWORD, SIGNATURE, TOKEN):
        assert secret not in caplog.text


def test_it_is_kept_until_another_conductor_has_brought_the_import_to_its_end(engine: Engine) -> None:
    image = engine.create()
    with HttpServer({f"/image?x={SIGNATURE}": Reply(RAW, stall_after=4096)}) as server:
        record = start(engine, image, secret_url(server))
        with engine.conducting():
            assert server.stalled.wait(30)
        left = engine.catalog.imports.get(record.id)
        assert (left.status, left.sealed) == ("pending", record.sealed)
        server.resume()
        with engine.conducting():
            ended = engine.ended(record)
    assert (ended.status, ended.sealed) == ("success", None)
    check_active(engine, image.id, RAW, 2)
