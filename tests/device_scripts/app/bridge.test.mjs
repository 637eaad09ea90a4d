/** Link, socket and bridge against a laptop of a few lines: time is node's own fake clock, nothing waits. */
import assert from "node:assert/strict";
import { describe, mock, test, beforeEach, afterEach } from "node:test";
import { Acks } from "../../../device_scripts/app/acks.js";
import { Bridge } from "../../../device_scripts/app/bridge.js";
import { Link, read, takeCode, write } from "../../../device_scripts/app/link.js";
import { delay, SILENCE, Socket } from "../../../device_scripts/app/socket.js";

const settle = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000 }));
afterEach(() => mock.timers.reset());

class Storage {
  #items = new Map();
  full = false;
  getItem = (key) => this.#items.get(key) ?? null;
  removeItem = (key) => this.#items.delete(key);
  setItem(key, value) {
    if (this.full) throw new Error("QuotaExceededError");
    this.#items.set(key, value);
  }
}

/** The laptop's end of one socket. */
class Peer {
  readyState = 0;
  sent = [];
  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

/** A laptop that accepts the code "good" once. */
function laptop({ storage = new Storage(), hash = "", answer = null } = {}) {
  const peers = [];
  const requests = [];
  const codes = new Set(["good"]);
  const location = { hash, pathname: "/", search: "", protocol: "http:", host: "localhost:8017" };
  const respond = (status, body) => ({ ok: status < 300, status, json: async () => body, blob: async () => body });
  const env = {
    location,
    history: { replaceState: () => (location.hash = "") },
    storage,
    fetch: async (path, options = {}) => {
      requests.push({ path, ...options });
      const told = answer?.(path, options);
      if (told) return told instanceof Error ? Promise.reject(told) : respond(...told);
      if (options.method === "PUT") return respond(201, { capture_id: "cap_theirs" });
      if (path !== "/link") return respond(200, { path });
      const known = codes.delete(JSON.parse(options.body).code);
      return known ? respond(200, { token: "tok", expires_at: 2_000 }) : respond(401, { error: { code: "invalid_token" } });
    },
    socket: (url, protocols) => {
      peers.push(new Peer(url, protocols));
      return peers.at(-1);
    },
  };
  const bridge = new Bridge(env);
  const statuses = [];
  bridge.on("status", (status) => statuses.push(status));
  return { bridge, env, peers, requests, statuses, location, storage, get peer() { return peers.at(-1); } };
}

const READY = { type: "bridge:session.ready", protocol: 1, device: {}, prompt: "", watching: true, answers: [] };

async function linked(options) {
  const world = laptop({ hash: "#c=good", ...options });
  await world.bridge.connect();
  world.peer.open();
  world.peer.say(READY);
  return world;
}

describe("the code in the address", () => {
  test("is taken out of the address and its history", () => {
    const location = { hash: "#c=abc", pathname: "/", search: "?x=1" };
    const replaced = [];
    assert.equal(takeCode(location, { replaceState: (...args) => replaced.push(args) }), "abc");
    assert.deepEqual(replaced, [[null, "", "/?x=1"]]);
    assert.equal(takeCode({ ...location, hash: "" }, null), null);
    assert.equal(takeCode({ ...location, hash: "#top" }, null), null);
  });

  test("is exchanged for a token, which goes with the socket and stays for a reload", async () => {
    const world = await linked();
    assert.deepEqual(JSON.parse(world.requests[0].body), { code: "good" });
    assert.equal(world.peer.url, "ws://localhost:8017/v1/responses");
    assert.deepEqual(world.peer.protocols, ["bridge.v1", "bridge.bearer.tok"]);
    assert.deepEqual(world.statuses, ["up"]);
    const again = laptop({ storage: world.storage });
    await again.bridge.connect();
    assert.equal(again.requests.length, 0);
    assert.equal(again.peers.length, 1);
  });

  test("that is refused leads to a screen that says so, not to another try", async () => {
    const world = laptop({ hash: "#c=bad" });
    await world.bridge.connect();
    assert.deepEqual([world.bridge.status, world.peers.length, world.requests.length], ["expired", 0, 1]);
  });

  test("that is refused does no harm to a page that is linked", async () => {
    const world = await linked();
    world.location.hash = "#c=stale";
    await world.bridge.connect();
    assert.equal(world.peers.length, 2);
  });

  test("waits for a laptop that cannot be reached", async () => {
    let tries = 0;
    const world = laptop({ hash: "#c=good", answer: (path) => path === "/link" && (tries += 1) < 3 && new Error("refused") });
    const connecting = world.bridge.connect();
    for (let i = 0; i < 3; i += 1) {
      await settle();
      mock.timers.tick(4_000);
    }
    await connecting;
    assert.deepEqual([tries, world.peers.length, world.statuses], [3, 1, ["down"]]);
  });

  test("a fresher one wins", async () => {
    const world = laptop({ hash: "#c=old", answer: (path, { body }) => body?.includes("old") && new Error("refused") });
    const first = world.bridge.connect();
    await settle();
    world.location.hash = "#c=good";
    await world.bridge.connect();
    mock.timers.tick(4_000);
    await first;
    assert.equal(world.peers.length, 1);
  });

  test("none, and no token: the page says that it is not linked", async () => {
    const world = laptop();
    await world.bridge.connect();
    assert.equal(world.bridge.status, "unlinked");
  });

  test("a token that has run out counts as none", async () => {
    const world = await linked();
    mock.timers.setTime(2_000_001);
    const again = laptop({ storage: world.storage });
    await again.bridge.connect();
    assert.equal(again.bridge.status, "unlinked");
  });

  test("an answer without a token is a refusal, a failing server is not", async () => {
    const link = (status, body) =>
      new Link({ storage: new Storage(), fetch: async () => ({ ok: status < 300, status, json: async () => body }) });
    assert.equal(await link(200, {}).exchange("x"), "refused");
    assert.equal(await link(403, {}).exchange("x"), "refused");
    assert.equal(await link(503, {}).exchange("x"), "unreachable");
    assert.equal(await link(200, null).exchange("x"), "unreachable");
    assert.equal(await link(200, { token: "t" }).exchange("x"), "linked");
  });
});

describe("a socket that comes back", () => {
  test("waits longer each time, up to four seconds, and not in step with others", () => {
    assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map((n) => delay(n, 0)), [250, 500, 1000, 2000, 4000, 4000, 4000]);
    assert.equal(delay(0, 1), 200);
  });

  test("tries again after a cut, and at the short delay once it has been well", async () => {
    const world = await linked();
    world.peer.drop();
    assert.equal(world.bridge.status, "down");
    mock.timers.tick(250);
    assert.equal(world.peers.length, 2);
    world.peer.drop();
    mock.timers.tick(250);
    assert.equal(world.peers.length, 2);
    mock.timers.tick(250);
    assert.equal(world.peers.length, 3);
    world.peer.open();
    world.peer.say(READY);
    assert.equal(world.bridge.status, "up");
    world.peer.drop();
    mock.timers.tick(250);
    assert.equal(world.peers.length, 4);
  });

  test("tries at once when the page is looked at again", async () => {
    const world = await linked();
    world.peer.drop();
    await world.bridge.wake();
    assert.equal(world.peers.length, 2);
  });

  test("does not wait for ever for a socket that does not open", async () => {
    const world = laptop({ hash: "#c=good" });
    await world.bridge.connect();
    mock.timers.tick(6_000);
    assert.equal(world.bridge.status, "down");
    mock.timers.tick(250);
    assert.equal(world.peers.length, 2);
    world.peers[0].onopen(); // too late: it is not listened to any more
    assert.equal(world.bridge.status, "down");
  });

  test("a refused token ends it: what is shown stays, nothing is tried", async () => {
    const world = await linked();
    world.peer.drop(4401); // it was taken in before: perhaps it was only slow
    assert.equal(world.bridge.status, "down");
    mock.timers.tick(250);
    world.peer.open();
    world.peer.drop(4401);
    mock.timers.tick(60_000);
    await world.bridge.wake();
    assert.deepEqual([world.bridge.status, world.peers.length], ["expired", 2]);
    assert.equal(read(world.storage, "bridge.link"), null);
  });

  test("a silent socket is checked, and dropped when the front is gone", async () => {
    let alive = true;
    const world = await linked({ answer: (path) => path === "/healthz" && !alive && new Error("gone") });
    mock.timers.tick(SILENCE);
    await settle();
    assert.equal(world.bridge.status, "up");
    alive = false;
    mock.timers.tick(SILENCE);
    await settle();
    assert.equal(world.bridge.status, "down");
  });

  test("a socket that talks is left alone", async () => {
    const calls = [];
    const socket = new Socket({
      open: () => new Peer(), probe: async () => calls.push("probe"), now: () => Date.now(),
      on: { up() {}, down() {}, message: (message) => calls.push(message), refused() {} },
    });
    const peers = [];
    socket.open = () => peers[peers.push(new Peer()) - 1];
    socket.start();
    peers[0].open();
    mock.timers.tick(SILENCE - 1);
    peers[0].say({ type: "x" });
    peers[0].onmessage({ data: "{no json" });
    mock.timers.tick(1);
    await settle();
    assert.deepEqual(calls, [{ type: "x" }]);
    socket.stop();
    assert.equal(peers[0].readyState, 3);
  });
});

describe("asking", () => {
  const picture = { captureId: "cap_a", sha256: "ab".repeat(32) };

  test("names the picture and the answer to go on from", async () => {
    const world = await linked();
    world.bridge.ask({ text: "And the date?", picture, previous: "resp_1" });
    const { event_id: id, ...sent } = world.peer.sent.at(-1);
    assert.match(id, /^q_[0-9a-f]{24}$/);
    assert.deepEqual(sent, {
      type: "response.create",
      input: [{ role: "user", content: [
        { type: "input_image", file_id: `cap_${picture.sha256}` }, { type: "input_text", text: "And the date?" }] }],
      previous_response_id: "resp_1",
    });
  });

  test("while the laptop is away keeps the question and sends it when it is back, once", async () => {
    const world = await linked();
    world.peer.drop();
    const turn = world.bridge.ask({ text: "?", picture });
    assert.equal(turn.phase, "unsent");
    mock.timers.tick(250);
    world.peer.open();
    world.peer.say(READY);
    mock.timers.tick(100);
    assert.deepEqual(world.peer.sent.map((each) => each.type), ["bridge:hello", "response.create"]);
  });

  test("a question that was under way when the socket broke is sent again under the same name", async () => {
    const world = await linked();
    world.bridge.ask({ text: "?", picture });
    const [, first] = world.peer.sent;
    world.peer.drop();
    mock.timers.tick(250);
    world.peer.open();
    world.peer.say({ ...READY, answers: ["resp_1"] });
    assert.deepEqual(world.peer.sent, [
      { type: "bridge:hello", protocol: 1, resume: [{ id: "resp_1", starting_after: -1 }] }, first]);
    world.peer.say({ type: "bridge:question", response_id: "resp_1", text: "?", asked_by: "page", ...picture });
    assert.deepEqual([...world.bridge.answers.turns.keys()], ["resp_1"]);
  });

  test("a question survives a reload that comes before its answer", async () => {
    const world = await linked();
    world.bridge.ask({ text: "?", picture });
    world.bridge.save();
    const after = laptop({ storage: world.storage });
    await after.bridge.connect();
    after.peer.open();
    after.peer.say(READY);
    assert.equal(after.peer.sent.at(-1).event_id, world.peer.sent.at(-1).event_id);
  });

  test("a cut stream is asked for from where it was cut, also after a reload", async () => {
    const world = await linked();
    const delta = (number, text) => world.peer.say({
      type: "response.output_text.delta", sequence_number: number, response_id: "resp_1", output_index: 0,
      content_index: 0, delta: text });
    world.peer.say({ type: "bridge:question", response_id: "resp_1", text: "?", asked_by: "camera" });
    delta(4, "The total");
    mock.timers.tick(400); // saved by itself
    const after = laptop({ storage: world.storage });
    await after.bridge.connect();
    after.peer.open();
    after.peer.say({ ...READY, answers: ["resp_1"] });
    assert.deepEqual(after.peer.sent, [
      { type: "bridge:hello", protocol: 1, resume: [{ id: "resp_1", starting_after: 4 }] }]);
    assert.equal(after.bridge.answers.turns.get("resp_1").answer, "The total");
  });

  test("stop names the answer; nothing is said about one that has no name yet", async () => {
    const world = await linked();
    const turn = world.bridge.ask({ text: "?", picture });
    const before = world.peer.sent.length;
    world.bridge.stop(turn);
    assert.equal(world.peer.sent.length, before);
    world.bridge.stop({ responseId: "resp_1" });
    assert.deepEqual(world.peer.sent.at(-1), { type: "response.cancel", response_id: "resp_1" });
    world.bridge.pause(true);
    assert.deepEqual(world.peer.sent.at(-1), { type: "bridge:pause", paused: true });
  });

  test("held pictures are sent when somebody says so", async () => {
    const world = await linked();
    world.bridge.sendHeld();
    assert.deepEqual(world.peer.sent.at(-1), { type: "bridge:send_held" });
  });

  test("a ready question brings what belongs to it, in the person's language, and again after a cut", async () => {
    const format = { type: "json_schema", name: "receipt", schema: {} };
    const prompt = {
      name: "receipt", title: { en: "Receipt", zh: "小票" }, text: { en: "What?", zh: "什么？" },
      system: { en: "Read.", zh: "读。" }, options: { temperature: 0, text: { format }, tools: [1] },
    };
    const world = await linked();
    world.bridge.language = "zh";
    world.peer.say({ type: "bridge:prompts", prompts: [prompt, { name: "" }, 7] });
    world.bridge.ask({ text: "什么？", picture, prompt: "receipt" });
    const sent = world.peer.sent.at(-1);
    assert.deepEqual([sent.instructions, sent.temperature, sent.text, sent.tools], ["读。", 0, { format }, undefined]);
    world.peer.drop();
    mock.timers.tick(250);
    world.peer.open();
    world.peer.say(READY);
    assert.deepEqual(world.peer.sent.at(-1), sent);
    assert.equal(world.bridge.answers.prompts.length, 1);
  });

  test("the end of an answer is told once", async () => {
    const world = await linked();
    const finished = [];
    world.bridge.on("finish", (turn) => finished.push(turn.key));
    world.peer.say({ type: "bridge:question", response_id: "resp_1", text: "?" });
    const end = { type: "response.completed", sequence_number: 9, response_id: "resp_1", response: { status: "completed" } };
    world.peer.say(end);
    world.peer.say(end);
    assert.deepEqual(finished, ["resp_1"]);
  });
});

describe("what is read is told", () => {
  const delta = (number) => ({ type: "response.output_text.delta", sequence_number: number, response_id: "resp_1", delta: "x" });
  const begin = () => {
    const sent = [];
    return { sent, acks: new Acks({ send: (ack) => sent.push([ack.response_id, ack.sequence_number]) }) };
  };

  test("at once, and while words come a few times a second", () => {
    const { sent, acks } = begin();
    acks.read({ type: "bridge:session.ready", sequence_number: 0 });
    for (let number = 4; number < 104; number += 1) {
      mock.timers.tick(10);
      acks.read(delta(number));
    }
    mock.timers.tick(250);
    assert.deepEqual(sent[0], [undefined, 0]);
    assert.deepEqual(sent.at(-1), ["resp_1", 103]);
    assert.ok(sent.length <= 6, `${sent.length} for a second of words`);
  });

  test("the end of an answer waits for no timer: a hidden page's may come a minute late", () => {
    const { sent, acks } = begin();
    acks.read(delta(4));
    acks.read(delta(5));
    acks.read({ type: "response.completed", sequence_number: 6, response_id: "resp_1" });
    assert.deepEqual(sent, [["resp_1", 4], ["resp_1", 6]]);
    mock.timers.tick(1_000);
    assert.equal(sent.length, 2);
  });

  test("what has no number is not", () => {
    const { sent, acks } = begin();
    acks.read({ type: "error", error: {} });
    assert.deepEqual(sent, []);
  });

  test("by the page, over its socket", async () => {
    const world = await linked();
    world.peer.say({ type: "bridge:device", sequence_number: 7, state: "up" });
    assert.deepEqual(world.peer.sent.at(-1), { type: "bridge:ack", sequence_number: 7 });
  });
});

describe("pictures", () => {
  const file = new File(["jpeg"], "a.jpg");

  test("are fetched with the token", async () => {
    const world = await linked();
    await world.bridge.picture("ab");
    const { path, headers } = world.requests.at(-1);
    assert.deepEqual([path, headers.Authorization], ["/v1/captures/ab", "Bearer tok"]);
  });

  test("chosen on the page are sent under their own hash and not fetched back", async () => {
    const world = await linked();
    const picture = await world.bridge.capture(file);
    const request = world.requests.at(-1);
    assert.deepEqual([request.method, request.path], ["PUT", `/v1/captures/${picture.sha256}`]);
    assert.match(picture.sha256, /^[0-9a-f]{64}$/);
    assert.equal(await world.bridge.picture(picture.sha256), file);
    assert.equal(picture.captureId, "cap_theirs");
    assert.deepEqual(world.bridge.answers.pictures().map(({ key, state }) => [key, state]), [["cap_theirs", "pulled"]]);
  });

  test("that the laptop tells of before it has answered are not shown twice", async () => {
    let told;
    const world = await linked({ answer: (path, { method }) => method === "PUT" && told() });
    told = () => {
      const sha256 = world.requests.at(-1).path.slice(-64);
      world.peer.say({ type: "bridge:capture", capture_id: "cap_theirs", sha256, source: "page", state: "pulled" });
      return [201, { capture_id: "cap_theirs" }];
    };
    await world.bridge.capture(file);
    assert.deepEqual(world.bridge.answers.pictures().map(({ key }) => key), ["cap_theirs"]);
  });

  test("that are deleted are gone with their answers, when the laptop says so and not before", async () => {
    let status = 503;
    const answer = (path, { method }) => method === "DELETE" && [status, { error: { message: "no" } }];
    const world = await linked({ answer });
    const { sha256, captureId } = await world.bridge.capture(file);
    world.peer.say({ type: "bridge:question", response_id: "resp_1", text: "?", sha256, capture_id: captureId });
    await assert.rejects(world.bridge.remove(sha256), { message: "no" });
    assert.equal(world.bridge.answers.pictures().length, 1);
    status = 200;
    await world.bridge.remove(sha256);
    assert.deepEqual([world.requests.at(-1).method, world.bridge.answers.pictures(), world.bridge.answers.turns.size], ["DELETE", [], 0]);
  });

  test("that are refused say why", async () => {
    const refused = { error: { code: "image_too_large", message: "Too large." } };
    const world = await linked({ answer: (path) => path.startsWith("/v1/captures") && [413, refused] });
    assert.equal(await world.bridge.capture(file), null);
    assert.deepEqual(world.bridge.answers.pictures()[0].error, { reason: "image_too_large", message: "Too large." });
  });

  test("that cannot be sent say so", async () => {
    const world = await linked({ answer: (path) => path.startsWith("/v1/captures") && new TypeError("Failed to fetch") });
    await world.bridge.capture(file);
    assert.equal(world.bridge.answers.pictures()[0].error.reason, "upload");
  });
});

describe("what is kept", () => {
  test("a full or broken storage is no reason to fail", async () => {
    const storage = new Storage();
    storage.setItem("bad", "{no json");
    assert.equal(read(storage, "bad"), null);
    storage.full = true;
    assert.equal(write(storage, "k", 1), false);
    storage.full = false;
    const world = await linked({ storage });
    storage.full = true;
    world.bridge.ask({ text: "?" });
    world.bridge.save();
  });
});
