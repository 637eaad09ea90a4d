"""The engine `upstream` against real servers that answer, refuse, hang, break off and mean harm."""

import asyncio
import gzip
import json
import logging
import shutil
import ssl
import subprocess
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    Piece,
    UnknownEngineError,
    UpstreamError,
    UpstreamRefusedError,
)
from host_server.engines.options import EngineOptions
from host_server.engines.upstream.address import parse
from host_server.engines.upstream.engine import UpstreamEngine, create
from host_server.engines.upstream.replica import Patience, Told
from tests.support.host_in_loop import serving
from tests.support.openai_server import Asked, OpenAIServer, Reply, chunk, event, said
from tests.support.until import until

QUICK = Patience(connect=2, first=2, next=0.3, usage=0.3, end=0.05)
STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


@asynccontextmanager
async def engine_for(
    *servers: OpenAIServer, patience: Patience = QUICK, key: str = "", lanes: int = 8
) -> AsyncGenerator[UpstreamEngine]:
    async with AsyncExitStack() as stack:
        addresses = [parse((await stack.enter_async_context(server.serving())).url) for server in servers]
        engine = UpstreamEngine(addresses, Told("m", False, key), EngineOptions(max_batch=lanes), patience=patience)
        stack.push_async_callback(engine.close)
        yield engine


async def ask(engine: UpstreamEngine, text: str = "What is it?", **more: Any) -> str:
    async with asyncio.timeout(20):
        return "".join([piece.text async for piece in engine.answer(PreparedQuestion(text, **more))])


async def _first(answer: AsyncGenerator[Piece, None]) -> Piece:
    return await anext(answer)


def picture(number: int) -> PreparedPicture:
    return PreparedPicture(f"{number:064x}", 4, 4, bytes([number]), 4, 4, 4, "image/png")


def refusing(status: int, message: str, **headers: str) -> Reply:
    return Reply([json.dumps({"error": {"message": message}}).encode()], status, JSON | headers)


# ---- one server ----


async def test_only_its_own_key_goes_along_and_from_the_environment_alone() -> None:
    async with OpenAIServer(key="sk-own").serving() as server:
        options = EngineOptions(upstreams=(server.url,), upstream_key_env="SOME_KEY")
        engine = create("m", options, environ={"SOME_KEY": "sk-own\n", "OPENAI_API_KEY": "sk-other"})
        await engine.warm_up()
        await ask(engine)
        await engine.close()

    assert server.asked[0].headers["authorization"] == "Bearer sk-own"
    assert "sk-" not in str({name: value for name, value in server.asked[0].headers.items() if name != "authorization"})
    assert "sk-own" not in repr(engine.info)


async def test_without_a_key_none_goes_along() -> None:
    server = OpenAIServer()
    async with engine_for(server) as engine:
        await ask(engine)

    assert "authorization" not in server.asked[0].headers
    assert "cookie" not in server.asked[0].headers


async def test_whoever_asks_stays_unknown_over_there(tmp_path: Path) -> None:
    async with OpenAIServer().serving() as server:
        engine = create("m", EngineOptions(upstreams=(server.url,)))
        async with serving(tmp_path, engine) as host, host.client() as client:
            question = {"input": "Hi", "metadata": {"device_id": "d-4711"}, "safety_identifier": "she"}
            answer = (await client.post("/v1/responses", json=question)).json()

    assert answer["status"] == "completed", answer
    assert answer["usage"]["input_tokens_details"]["cached_tokens"] == 4
    (asked,) = server.asked
    assert host.token not in str(asked)
    assert "4711" not in str(asked)
    assert "she" not in asked.body.values()


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        (EngineOptions(), {}),
        (EngineOptions(upstreams=("http://x", "http://x/v1")), {}),
        (EngineOptions(upstreams=tuple(f"http://x:{port}" for port in range(1, 70))), {}),
        (EngineOptions(upstreams=("http://x",), upstream_key_env="sk-secret"), {}),
        (EngineOptions(upstreams=("http://x",), upstream_key_env="KEY"), {"KEY": "sk-secret\r\nevil: yes"}),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_start(options: EngineOptions, environ: dict[str, str]) -> None:
    with pytest.raises(UnknownEngineError) as caught:
        create("m", options, environ=environ)

    assert caught.value.hint
    assert "sk-secret" not in caught.value.message + caught.value.hint


async def test_a_server_that_refuses_what_it_does_not_know_is_asked_without_and_not_again() -> None:
    server = OpenAIServer()
    unknown = {"uuid", "chat_template_kwargs"}

    def strict(asked: Asked) -> Reply:
        there = unknown & ({*asked.body} | {name for part in asked.pictures for name in part})
        return refusing(400, f"Unknown parameter: {min(there)}") if there else said(asked)

    server.answer = strict
    async with engine_for(server) as engine:
        first = await ask(engine, "Hi", pictures=(picture(1),))
        tries = len(server.asked)
        await ask(engine, "Hi", pictures=(picture(1),))

    assert first == "Hi [picture]"
    assert (tries, len(server.asked)) == (3, 4)


async def test_a_form_that_is_refused_is_asked_for_in_words() -> None:
    server = OpenAIServer()
    server.answer = lambda asked: refusing(422, "no") if "response_format" in asked.body else said(asked)
    async with engine_for(server) as engine:
        answer = await ask(engine, "Hi", form=AnswerForm("f", {"type": "object"}))

    assert "JSON" in answer


async def test_a_question_that_is_refused_for_itself_ends_and_is_told_as_it_was_at_first() -> None:
    server = OpenAIServer()
    server.answer = lambda asked: refusing(400, f"No. ({len(server.asked)})")
    async with engine_for(server) as engine:
        with pytest.raises(UpstreamRefusedError, match="refused the question"):
            await ask(engine)

    assert len(server.asked) == 3  # whole, without what few know, without usage


async def test_the_log_tells_what_was_said_but_neither_key_nor_question(caplog: pytest.LogCaptureFixture) -> None:
    server = OpenAIServer()
    server.answer = lambda asked: refusing(500, f"boom sk-own «{asked.text}» {json.dumps(asked.body['messages'])}")
    async with engine_for(server, key="sk-own") as engine:
        with caplog.at_level(logging.INFO), pytest.raises(UpstreamError):
            await ask(engine, 'My "secret"\nquestion?', history=(Turn("user", "A secret before"),))

    assert "boom" in caplog.text
    assert "sk-own" not in caplog.text
    assert "secret" not in caplog.text


async def test_when_to_come_again_is_passed_on() -> None:
    server = OpenAIServer()
    server.answer = lambda asked: refusing(429, "busy", **{"retry-after": "7"})
    async with engine_for(server) as engine:
        with pytest.raises(UpstreamError) as caught:
            await ask(engine)

    assert caught.value.retry_after_s == pytest.approx(7)


async def test_leaving_closes_the_connection_which_is_what_cancels_over_there() -> None:
    server = OpenAIServer()
    server.answer = lambda asked: Reply([chunk({"content": "word "})], hangs=True)
    async with engine_for(server, patience=Patience()) as engine:
        answer = engine.answer(PreparedQuestion("Hi"))
        assert (await anext(answer)).text == "word "
        await answer.aclose()
        await until(lambda: server.left)


async def test_a_connection_is_used_again_after_an_answer() -> None:
    server = OpenAIServer()
    ports: list[object] = []
    async with engine_for(server) as engine:
        server.heard = lambda scope: ports.append(scope["client"])
        for _ in range(3):
            await ask(engine)

    assert len(set(ports)) == 1


async def test_lanes_are_kept() -> None:
    server = OpenAIServer()
    server.answer = lambda asked: Reply([chunk({"content": "word "})], hangs=True)
    async with engine_for(server, lanes=2, patience=Patience()) as engine:
        answers = [engine.answer(PreparedQuestion(f"{number}")) for number in range(3)]
        await anext(answers[0])
        await anext(answers[1])
        async with asyncio.TaskGroup() as group:
            group.create_task(_first(answers[2]))
            await asyncio.sleep(0)
            asked = len(server.asked)
            await answers[0].aclose()
        for answer in answers:
            await answer.aclose()

    assert (engine.info.lanes, asked) == (2, 2)


# ---- servers that mean harm, or are broken ----


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply([b"data: " + b"x" * (1 << 20) + b"xx"]), "line without an end"),
        (Reply([b"data: " + b"x" * 60_000 + b"\n"] * 20), "line without an end"),
        (Reply([b"[" * (1 << 20), b"[["], headers=JSON), "has no end"),
        (Reply([gzip.compress(b"x" * 1000)], headers=STREAM | {"content-encoding": "gzip"}), "compressed"),
        (Reply([], 302, {"location": "http://169.254.169.254/latest"}), "another address"),
        (Reply([b"<html>"], headers={"content-type": "text/html"}), "no chat completion"),
        (Reply([chunk({"content": "a"})], hangs=True), "fell silent"),
        (Reply([chunk({"content": "a"}), b": still here\n\n"], hangs=True), "fell silent"),
        (Reply([chunk({"content": "a"})], breaks=True), "broke off"),
        (Reply([chunk({"content": "a"})]), "broke off"),
        (Reply([event({"error": {"message": "died"}})]), "failed (500)"),
    ],
)
async def test_what_a_broken_server_sends_ends_the_answer_in_our_words(reply: Reply, words: str) -> None:
    server = OpenAIServer()
    server.answer = lambda asked: reply
    async with engine_for(server) as engine:
        with pytest.raises(UpstreamError) as caught:
            await ask(engine)

    assert words in caught.value.message


async def test_a_flood_of_words_lets_the_others_go_on() -> None:
    """One read brings hundreds of them, and everybody's answers go through the same event loop."""
    server = OpenAIServer()
    server.answer = lambda asked: Reply([chunk({"content": "a"}) * 300 + chunk(finish="stop") + event(b"[DONE]")])
    turns: set[int] = set()
    turn = 0

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async with engine_for(server) as engine, asyncio.TaskGroup() as group:
        beside = group.create_task(others())
        async for _ in engine.answer(PreparedQuestion("Hi")):
            turns.add(turn)
        beside.cancel()

    assert len(turns) > 250


@pytest.mark.parametrize("hangs", [True, False])
async def test_an_answer_that_is_complete_needs_no_orderly_end(hangs: bool) -> None:
    server = OpenAIServer()
    parts = [chunk({"content": "whole"}), chunk(finish="stop")]
    server.answer = lambda asked: Reply(parts, hangs=hangs, breaks=not hangs)
    async with engine_for(server) as engine:
        assert await ask(engine) == "whole"


async def test_nobody_there_is_said_so() -> None:
    async with OpenAIServer().serving() as server:
        address = parse(server.url)
    engine = UpstreamEngine([address], Told("m", False), EngineOptions(), patience=QUICK)
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await engine.warm_up()
    with pytest.raises(UpstreamError, match="cannot be reached") as caught:
        await ask(engine)
    await engine.close()

    assert caught.value.hint


async def test_a_list_of_models_is_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    async with engine_for(OpenAIServer(models=("other",))) as engine:
        await engine.warm_up()

    assert "lists no model m; it has other" in caplog.text


# ---- several ----


async def test_the_same_picture_goes_to_the_same_replica() -> None:
    servers = [OpenAIServer() for _ in range(3)]
    async with engine_for(*servers) as engine:
        for number in range(12):
            for _ in range(2):
                await ask(engine, pictures=(picture(number),))

    seen = [{asked.pictures[0]["uuid"] for asked in server.asked} for server in servers]
    assert sum(map(len, seen)) == 12  # none of them at two
    assert sum(len(server.asked) for server in servers) == 24
    assert all(seen)


async def test_one_that_fails_before_the_first_word_is_replaced_and_gets_its_pictures_back() -> None:
    servers = [OpenAIServer() for _ in range(3)]
    async with engine_for(*servers) as engine:
        await ask(engine, pictures=(picture(1),))
        ill = next(server for server in servers if server.asked)
        ill.answer = lambda asked: refusing(503, "restarting")
        answers = [await ask(engine, f"{number}", pictures=(picture(1),)) for number in range(3)]
        tried = len(ill.asked)
        ill.answer = said
        await until(lambda: not engine.replicas[servers.index(ill)].health.rests(asyncio.get_running_loop().time()))
        await ask(engine, pictures=(picture(1),))

    others = [server for server in servers if server is not ill and server.asked]
    assert answers == [f"{number} [picture]" for number in range(3)]
    assert tried == 2  # then it rested
    assert len(ill.asked) == 3
    assert [len(server.asked) for server in others] == [3]  # the same one each time


async def test_one_that_breaks_off_later_fails_the_answer_and_the_next_question_goes_elsewhere() -> None:
    servers = [OpenAIServer(), OpenAIServer()]
    async with engine_for(*servers) as engine:
        await ask(engine, pictures=(picture(1),))
        ill = next(server for server in servers if server.asked)
        ill.answer = lambda asked: Reply([chunk({"content": "half"})], breaks=True)
        pieces: list[Piece] = []
        with pytest.raises(UpstreamError, match="broke off"):
            pieces += [piece async for piece in engine.answer(PreparedQuestion("Hi", (picture(1),)))]
        assert await ask(engine, "Hi", pictures=(picture(1),)) == "Hi [picture]"


async def test_a_question_that_is_itself_refused_is_not_carried_from_one_to_the_next() -> None:
    servers = [OpenAIServer(), OpenAIServer()]
    for server in servers:
        server.answer = lambda asked: refusing(400, "maximum context length is 10 tokens")
    async with engine_for(*servers) as engine:
        with pytest.raises(EngineError, match="longer than"):
            await ask(engine)

    assert sorted(len(server.asked) for server in servers) == [0, 1]


async def test_all_that_rest_are_tried_before_a_question_is_refused() -> None:
    servers = [OpenAIServer(), OpenAIServer()]
    async with engine_for(*servers) as engine:
        for server in servers:
            server.answer = lambda asked: refusing(500, "no")
        with pytest.raises(UpstreamError):
            await ask(engine)
        for server in servers:
            server.answer = said

        assert await ask(engine, "Hi") == "Hi"


async def test_what_it_costs_is_told_with_the_time_to_the_first_word() -> None:
    server = OpenAIServer()
    async with engine_for(server) as engine:
        *_, last = [piece async for piece in engine.answer(PreparedQuestion("one two"))]

    assert last.report is not None
    assert replace(last.report, prefill_s=0.0).cached_tokens == 4
    assert last.report.prefill_s > 0


async def test_a_server_that_says_nothing_at_all_is_given_up() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
        address = parse(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        patience = replace(QUICK, first=0.2)
        engine = UpstreamEngine([address], Told("m", False), EngineOptions(), patience=patience)
        with pytest.raises(UpstreamError, match="does not answer"):
            await ask(engine)
        with pytest.raises(UpstreamError, match="does not answer"):
            await engine.warm_up()
        await engine.close()


async def test_closing_ends_a_wait_for_the_first_word() -> None:
    server = OpenAIServer()
    server.answer = lambda asked: Reply([], hangs=True)
    async with engine_for(server, patience=Patience()) as engine, asyncio.TaskGroup() as group:
        asking = group.create_task(_closed(engine))
        await until(lambda: server.asked)
        await engine.close()

    assert asking.result()


async def _closed(engine: UpstreamEngine) -> bool:
    with pytest.raises(EngineClosedError):
        await ask(engine)
    return True


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_an_untrusted_certificate_is_not_trusted(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *name, *files]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True, timeout=20)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context) as server:
        address = parse(f"https://localhost:{server.sockets[0].getsockname()[1]}")
        engine = UpstreamEngine([address], Told("m", False), EngineOptions(), patience=QUICK)
        with pytest.raises(UpstreamRefusedError, match="certificate is not trusted") as caught:
            await ask(engine)
        await engine.close()

    assert "SSL_CERT_FILE" in caught.value.hint


async def test_where_others_may_read_along_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with OpenAIServer().serving() as server:
        address = replace(parse(server.url), readable=True)  # as http to a private network is
        engine = UpstreamEngine([address], Told("m", False), EngineOptions(), patience=QUICK)
        await engine.warm_up()
        await engine.close()

    assert "readable for that network" in caplog.text
