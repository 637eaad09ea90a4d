/** The page's picture of the world, from the same golden messages that the host's tests use, and from transcripts. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { Answers } from "../../../device_scripts/app/answers.js";
import { LIMITS } from "../../../device_scripts/app/read.js";
import { isOpen } from "../../../device_scripts/app/turn.js";

const GOLDEN = new URL("../../golden/wire/", import.meta.url);
const golden = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, GOLDEN), "utf8"));
const SHA = "ab".repeat(32);

const play = (events, answers = new Answers()) => {
  for (const event of events) answers.apply(event, 1000);
  return answers;
};
const only = (answers) => {
  assert.equal(answers.turns.size, 1);
  return [...answers.turns.values()][0];
};
const finalText = (event) =>
  event.response.output.filter((item) => item.type === "message")
    .flatMap((item) => item.content).map((part) => part.text).join("");
const question = (fields = {}) => ({
  type: "bridge:question", sequence_number: 1, response_id: "resp_1", text: "What is the total?", capture_id: "cap_a",
  sha256: SHA, asked_by: "camera", model: "echo", ...fields,
});
const delta = (number, text, fields = {}) => ({
  type: "response.output_text.delta", sequence_number: number, response_id: "resp_1", item_id: "msg_1",
  output_index: 0, content_index: 0, delta: text, ...fields,
});

describe("golden answers", () => {
  const names = readdirSync(GOLDEN).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
  const ends = {
    cancelled: "stopped", declined: "cut", degraded: "stopped", incomplete: "cut", only_reasoning: "cut", failed: "failed", misfit: "failed",
  };
  for (const name of names.filter((each) => golden(each).events)) {
    const events = golden(name).events;

    test(`${name}: ends as it should, with the text of the terminal event`, () => {
      const turn = only(play(events));
      assert.equal(turn.phase, ends[name] ?? "done");
      assert.equal(turn.answer, finalText(events.at(-1)));
    });

    test(`${name}: the text grows to the same words without the events that repeat it`, () => {
      const repeats = /\.(done|completed|incomplete|failed)$/;
      const turn = only(play(events.filter((event) => !repeats.test(event.type))));
      assert.equal(turn.answer, finalText(events.at(-1)));
    });

    test(`${name}: cut anywhere and resumed from the cursor, nothing is lost and nothing doubled`, () => {
      for (let cut = 1; cut < events.length; cut += 1) {
        const answers = play([question(), ...events.slice(0, cut)]);
        const reloaded = new Answers(JSON.parse(JSON.stringify(answers.snapshot())));
        const [rest] = reloaded.resume(["resp_1"]);
        assert.deepEqual(rest, { id: "resp_1", starting_after: events[cut - 1].sequence_number });
        play(events.slice(Math.max(0, cut - 2)), reloaded); // the other side sends a little too much
        assert.equal(only(reloaded).answer, finalText(events.at(-1)), `cut after ${cut}`);
      }
    });
  }

  test("a queued answer tells its place, then that it is being read, then that it is being written", () => {
    const answers = new Answers();
    const phases = golden("queued").events.map((event) => {
      answers.apply(event, 1000);
      return only(answers).phase;
    });
    assert.deepEqual([...new Set(phases)], ["queued", "reading", "writing", "done"]);
    assert.ok(golden("queued").events.some((event) => event.position > 0));
  });

  test("what the model thinks stands beside the answer, and the same without the event that repeats it", () => {
    for (const name of ["reasoning", "only_reasoning"]) {
      const { events } = golden(name);
      const thought = events.at(-1).response.output[0].content[0].text;
      for (const some of [events, events.filter((event) => event.type !== "response.reasoning_text.done")]) {
        assert.equal(only(play(some)).thinking, thought);
      }
      assert.ok(!only(play(events)).answer.includes(thought));
    }
  });

  test("a question that waits for the model says so until it is read", () => {
    const answers = new Answers();
    const said = golden("loading").events.map((event) => {
      answers.apply(event, 1000);
      return [only(answers).phase, only(answers).loading];
    });
    assert.deepEqual(said[1], ["queued", true]);
    assert.equal(said[2][0], "reading");
  });

  test("what was left out because of load is told with the end", () => {
    assert.deepEqual(only(play(golden("degraded").events)).degraded, ["smaller_picture", "greedy_shorter"]);
    assert.deepEqual(only(play(golden("plain").events)).degraded, []);
  });

  test("a failed answer keeps its words and tells the laptop's own reason", () => {
    const turn = only(play(golden("failed").events));
    assert.ok(turn.answer.length > 0);
    assert.equal(turn.error.reason, golden("failed").events.at(-1).response.error.reason);
  });
});

describe("questions", () => {
  test("a merged delta carries the last number it contains, and the next one follows it", () => {
    const answers = play([question(), delta(4, "The "), delta(9, "total is "), delta(10, "42."), delta(9, "total is ")]);
    assert.equal(only(answers).answer, "The total is 42.");
  });

  test("a question of the page becomes the accepted one in the same place", () => {
    const answers = new Answers();
    answers.ask({ eventId: "q_1", text: "First?", sha256: SHA, captureId: "cap_a" }, 1);
    answers.ask({ eventId: "q_2", text: "Second?", sha256: SHA, captureId: "cap_a" }, 2);
    answers.apply(question({ event_id: "q_1", text: "First?", asked_by: "page" }), 3);
    assert.deepEqual([...answers.turns.keys()], ["resp_1", "q_2"]);
    assert.equal(answers.turns.get("resp_1").eventId, "q_1");
    assert.deepEqual(answers.waiting().map((turn) => turn.key), ["q_2"]);
  });

  test("after a reconnect, when the laptop no longer knows which message it was, the words tell", () => {
    const answers = new Answers();
    answers.ask({ eventId: "q_1", text: "First?", sha256: SHA }, 1);
    answers.apply(question({ text: "Another?", asked_by: "page" }), 2);
    assert.equal(answers.turns.size, 2);
    answers.apply(question({ response_id: "resp_2", text: "First?", asked_by: "page" }), 3);
    assert.deepEqual([...answers.turns.keys()], ["resp_2", "resp_1"]);
    assert.deepEqual(answers.waiting(), []);
  });

  test("somebody else's question with the same words stays somebody else's", () => {
    const answers = new Answers();
    answers.ask({ eventId: "q_1", text: "First?", sha256: SHA }, 1);
    answers.apply(question({ text: "First?", asked_by: "terminal" }), 2);
    assert.equal(answers.waiting().length, 1);
  });

  test("an interrupted question that is asked again takes the place of the old one", () => {
    const answers = play([question(), delta(4, "Half"), question({ response_id: "resp_2", retry_of: "resp_1" })]);
    assert.equal(only(answers).key, "resp_2");
    assert.equal(only(answers).answer, "");
  });

  test("a refused question says why; other errors change nothing", () => {
    const answers = new Answers();
    answers.ask({ eventId: "q_1", text: "?" }, 1);
    assert.equal(answers.apply({ type: "error", event_id: "c_9", error: { code: "x" } }, 2), null);
    answers.apply({ type: "error", event_id: "q_1", error: { code: "queue_full", message: "Full.", retryable: true } }, 2);
    assert.deepEqual(only(answers).error, { reason: "queue_full", message: "Full.", retryable: true });
    assert.deepEqual(answers.waiting(), []);
  });

  test("a question in the laptop's line tells its place and is still waiting", () => {
    const answers = new Answers();
    answers.ask({ eventId: "q_1", text: "?" }, 1);
    assert.equal(answers.apply({ type: "bridge:waiting", event_id: "q_1", position: 3 }, 2), "q_1");
    assert.equal(only(answers).position, 3);
    assert.equal(answers.waiting().length, 1);
    assert.equal(answers.apply({ type: "bridge:waiting", event_id: "no", position: 3 }, 2), null);
  });

  test("what is asked for after a reconnect: the unfinished from its cursor, the unknown from the start", () => {
    const answers = play([question(), delta(4, "Half"), question({ response_id: "resp_2" })]);
    play(golden("plain").events.map((event) => ({ ...event, response_id: "resp_3" })), answers);
    const rest = answers.resume(["resp_1", "resp_3", "resp_9", 7]);
    assert.deepEqual(rest, [
      { id: "resp_1", starting_after: 4 },
      { id: "resp_2", starting_after: -1 }, // the laptop's program was restarted maybe; it can look for it
      { id: "resp_9", starting_after: -1 },
    ]);
  });

  test("an answer that is gone when it is asked for again counts as lost", () => {
    const answers = play([question(), delta(4, "Half")]);
    answers.apply({ type: "error", error: { code: "response_not_found", message: "gone", param: "resp_1" } }, 2);
    assert.deepEqual([only(answers).phase, only(answers).error.reason], ["failed", "lost"]);
  });

  test("nothing follows the end", () => {
    const answers = play([question(), ...golden("plain").events]);
    const before = only(answers).answer;
    assert.equal(answers.apply(delta(99, " more"), 2), null);
    assert.equal(only(answers).answer, before);
  });

  test("a refusal by the model is an answer too", () => {
    const refusal = { ...delta(4, "I will "), type: "response.refusal.delta" };
    const done = { ...delta(5, ""), type: "response.refusal.done", refusal: "I will not." };
    const answers = play([question(), refusal]);
    assert.equal(only(answers).answer, "I will ");
    assert.equal(only(play([done], answers)).answer, "I will not.");
  });
});

describe("pictures", () => {
  const capture = (fields = {}) => ({
    type: "bridge:capture", capture_id: "cap_a", sha256: SHA, source: "camera", size: 9, name: "IMG.jpg",
    state: "pulled", ...fields,
  });

  test("a picture is there before its question, and the question joins it", () => {
    const answers = play([capture()]);
    assert.deepEqual(answers.pictures().map((each) => [each.key, each.state, each.turns.length]), [["cap_a", "pulled", 0]]);
    play([capture({ state: "uploaded" }), question()], answers);
    assert.deepEqual(answers.pictures().map((each) => [each.key, each.state, each.turns.length]), [["cap_a", "uploaded", 1]]);
  });

  test("the same photo twice is two pictures with an answer each", () => {
    const answers = play([capture(), capture({ capture_id: "cap_b" }), question(),
      question({ response_id: "resp_2", capture_id: "cap_b" })]);
    assert.deepEqual(answers.pictures().map((each) => each.turns.map((turn) => turn.key)), [["resp_1"], ["resp_2"]]);
  });

  test("a picture that was refused says why", () => {
    const answers = play([capture({ state: "failed", error: { code: "image_decode", message: "Broken." } })]);
    assert.equal(answers.pictures()[0].error.reason, "image_decode");
  });

  test("questions about a picture that this page never saw stand together; those about none too", () => {
    const answers = play([
      question({ capture_id: null }), question({ response_id: "resp_2", capture_id: null }),
      question({ response_id: "resp_3", capture_id: null, sha256: null }),
    ]);
    assert.deepEqual(answers.pictures().map((each) => [each.key, each.turns.length]), [[SHA, 2], ["", 1]]);
  });

  test("a picture chosen on the page keeps its place, and takes the laptop's name for it", () => {
    const answers = new Answers();
    const picture = { captureId: "cap_mine", sha256: SHA, name: "a.jpg" };
    answers.addPicture({ ...picture, state: "sending" }, 1);
    play([capture({ capture_id: "cap_b", sha256: "cd".repeat(32) })], answers);
    answers.accepted("cap_mine", "cap_theirs");
    answers.ask({ eventId: "q_1", text: "?", ...picture, captureId: "cap_theirs" }, 3);
    play([capture({ capture_id: "cap_theirs", source: "page", state: "pulled" })], answers);
    const shown = answers.pictures().map((each) => [each.key, each.at, each.turns.length]);
    assert.deepEqual(shown, [["cap_theirs", 1, 1], ["cap_b", 1000, 0]]);
  });

  test("the same picture of the camera is another one", () => {
    const answers = new Answers();
    answers.addPicture({ captureId: "cap_mine", sha256: SHA, name: "a.jpg", state: "sending" }, 1);
    play([capture({ capture_id: "cap_cam", source: "camera" })], answers);
    assert.deepEqual(answers.pictures().map((each) => each.key), ["cap_mine", "cap_cam"]);
  });

  test("one that was deleted is gone with its questions, under whatever names it stood, and no other", () => {
    const answers = play([
      capture({ capture_id: "cap_a" }), capture({ capture_id: "cap_b" }), capture({ capture_id: "cap_c", sha256: "cd".repeat(32) }),
      question(), question({ response_id: "resp_2", capture_id: "cap_c", sha256: "cd".repeat(32) }),
      { type: "bridge:deleted", sha256: SHA, captures: ["cap_a", "cap_b"] },
    ]);
    assert.deepEqual(answers.pictures().map((each) => each.key), ["cap_c"]);
    assert.deepEqual([...answers.turns.keys()], ["resp_2"]);
    assert.equal(answers.apply({ type: "bridge:deleted", sha256: null }, 1), null);
  });
});

describe("the laptop", () => {
  test("tells who the phone is, what is watched, whether the model runs", () => {
    const answers = play([
      { type: "bridge:session.ready", device: { serial: "S", model: "Pixel" }, prompt: "Read.", watching: true, host: "ready" },
    ]);
    const session = { prompt: "Read.", watching: true, held: 0, host: "ready" };
    assert.deepEqual(answers.session, { device: { serial: "S", model: "Pixel" }, ...session });
    play([{ type: "bridge:held", count: 3 }], answers);
    assert.equal(answers.session.held, 3);
    play([{ type: "bridge:held", count: "many" }], answers);
    assert.equal(answers.session.held, 0);
    play([{ type: "bridge:pause", paused: true }, { type: "bridge:host", state: "away" }], answers);
    assert.deepEqual([answers.session.watching, answers.session.host], [false, "away"]);
    play([{ type: "bridge:device", state: "offline", hint: "Look at the cable." }], answers);
    assert.deepEqual(answers.phone, { state: "offline", hint: "Look at the cable." });
  });
});

describe("hostile input", () => {
  test("anything that is no message of ours changes nothing", () => {
    const answers = play([question()]);
    const before = JSON.stringify(answers.snapshot());
    const junk = [null, 7, "x", [], {}, { type: 5 }, { type: "constructor" }, { type: "__proto__" }, { type: "response." },
      { type: "response.created" }, { type: "bridge:question" }, { type: "bridge:capture" }, { type: "bridge:else" },
      { type: "error" }, { type: "bridge:pause", paused: "yes" }, delta("4", "x"), delta(-1, "x"), delta(1.5, "x"),
      delta(4, "x", { response_id: "resp_none" }), delta(4, "x", { response_id: { toString: 1 } })];
    for (const message of junk) assert.equal(answers.apply(message, 2) || null, null, JSON.stringify(message));
    assert.equal(JSON.stringify(answers.snapshot()), before);
  });

  test("every field may be of any type", () => {
    const values = [null, 1, "x", [], {}, true];
    for (const value of values) {
      const answers = play([
        { type: "bridge:session.ready", device: value, prompt: value, watching: value, host: value },
        { type: "bridge:device", state: value, hint: value },
        { type: "bridge:host", state: value },
        { type: "bridge:capture", capture_id: "c", sha256: value, name: value, source: value, state: value, error: value },
        { ...question(), text: value, capture_id: value, sha256: value, asked_by: value, model: value },
        delta(4, value), delta(5, "ok", { output_index: value, content_index: value }),
        delta(6, value, { type: "response.reasoning_text.delta" }),
        { ...delta(7, ""), type: "response.reasoning_text.done", text: value },
        { type: "response.queued", sequence_number: 8, response_id: "resp_1", position: value, reason: value },
        { type: "response.completed", sequence_number: 9, response_id: "resp_1", response: value },
        question({ response_id: "resp_2" }),
        { type: "response.completed", sequence_number: 9, response_id: "resp_2", response: { degraded: value } },
      ]);
      assert.equal(typeof answers.turns.get("resp_1").answer, "string");
      answers.resume(value);
      answers.pictures();
    }
  });

  test("what grows is bounded, and what is unfinished is dropped last", () => {
    const answers = play([question(), delta(4, "x".repeat(3 * LIMITS.answer))]);
    assert.equal(only(answers).answer.length, LIMITS.answer);
    for (let i = 0; i < 500; i += 1) {
      const id = `resp_x${i}`;
      answers.apply({ type: "bridge:capture", capture_id: `cap_${i}`, sha256: SHA }, i);
      answers.apply(question({ response_id: id, text: "y".repeat(2 * LIMITS.words) }), i);
      answers.apply({ type: "response.completed", sequence_number: 0, response_id: id, response: {} }, i);
    }
    assert.equal(answers.turns.size, LIMITS.turns);
    assert.equal(answers.captures.size, LIMITS.captures);
    assert.ok(isOpen(answers.turns.get("resp_1")));
    for (let i = 0; i < 500; i += 1) answers.apply(question({ response_id: `resp_open${i}` }), i);
    assert.ok(answers.turns.size <= 2 * LIMITS.turns);
  });

  test("a snapshot of another version is left alone", () => {
    for (const snapshot of [null, 7, {}, { version: 2, turns: 5 }]) assert.equal(new Answers(snapshot).turns.size, 0);
  });
});
