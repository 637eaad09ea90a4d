// The official JavaScript client, as its documentation uses it: JSON, SSE, resume, cancel, socket. Says `ok` for each check.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";

const { FAST_URL, FAST_KEY, SLOW_URL, SLOW_KEY, PICTURE } = process.env;
const fast = new OpenAI({ baseURL: FAST_URL, apiKey: FAST_KEY, maxRetries: 0 });
const slow = new OpenAI({ baseURL: SLOW_URL, apiKey: SLOW_KEY, maxRetries: 0 });
const ANSWER = "What is the total? [picture 64x48]";
const LONG = "word ".repeat(200);
const ENDS = new Set(["response.completed", "response.incomplete", "response.failed"]);
const url = `data:image/png;base64,${Buffer.from(PICTURE, "hex").toString("base64")}`;
const question = [
  {
    role: "user",
    content: [
      { type: "input_image", image_url: url, detail: "auto" },
      { type: "input_text", text: "What is the total?" },
    ],
  },
];

const all = async (stream) => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};
const deltas = (events, after = -1) =>
  events
    .filter((event) => event.type === "response.output_text.delta" && event.sequence_number > after)
    .map((event) => event.delta)
    .join("");
const text = (response) => response.output[0].content[0].text;

function told(events) {
  const numbers = events.map((event) => event.sequence_number);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  assert.equal(events[0].type, "response.created");
  assert.deepEqual(
    events.filter((event) => ENDS.has(event.type)),
    events.slice(-1),
  );
  assert.equal(deltas(events), text(events.at(-1).response));
}

async function aWholeAnswer() {
  const response = await fast.responses.create({ model: "echo", input: question });
  assert.equal(response.output_text, ANSWER);
  assert.equal(response.metrics.cache, "off");
}

async function aStreamAndEveryPlaceToResumeItFrom() {
  const events = await all(await fast.responses.create({ model: "echo", input: question, stream: true }));
  told(events);
  const { id } = events[0].response;
  for (const { sequence_number: after } of events) {
    const rest = await all(await fast.responses.retrieve(id, { stream: true, starting_after: after }));
    assert.equal(deltas(rest), deltas(events, after));
  }
}

async function theHelper() {
  const final = await fast.responses.stream({ model: "echo", input: question }).finalResponse();
  const again = await fast.responses.stream({ response_id: final.id, starting_after: 2 }).finalResponse();
  assert.equal(final.output_text, ANSWER);
  assert.equal(again.id, final.id);
  const items = await fast.responses.inputItems.list(final.id);
  assert.equal(items.data[0].content[1].text, "What is the total?");
}

async function aCutStreamIsResumed() {
  const stream = await slow.responses.create({ model: "echo", input: "one two three four five six", stream: true });
  const seen = [];
  for await (const event of stream) if (seen.push(event) === 6) break;
  const after = seen.at(-1).sequence_number;
  const rest = await slow.responses.retrieve(seen[0].response.id, { stream: true, starting_after: after });
  told([...seen, ...(await all(rest))]);
}

async function cancelEndsTheStream() {
  const events = [];
  for await (const event of await slow.responses.create({ model: "echo", input: LONG, stream: true })) {
    events.push(event);
    if (events.length === 5) {
      const cancelled = await slow.responses.cancel(events[0].response.id);
      assert.equal(cancelled.status, "cancelled");
    }
  }
  told(events);
  assert.equal(events.at(-1).response.status, "cancelled");
}

async function refusals() {
  const refused = (fields, kind, code) =>
    assert.rejects(fast.responses.create(fields), (error) => error instanceof kind && error.code === code);
  await refused({ model: "gpt-9", input: "x" }, OpenAI.NotFoundError, "model_not_found");
  await refused({ model: "echo", input: " " }, OpenAI.BadRequestError, "invalid_request");
  await assert.rejects(
    new OpenAI({ baseURL: FAST_URL, apiKey: "wrong", maxRetries: 0 }).models.list(),
    OpenAI.AuthenticationError,
  );
  const models = await all(await fast.models.list());
  assert.deepEqual(
    models.map((model) => model.id),
    ["echo"],
  );
}

async function lanesOnASocket() {
  const socket = new ResponsesWS(slow);
  const lanes = { A: [], B: [] };
  const ends = [];
  const errors = [];
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no end")), 20_000);
    socket.on("error", (error) => errors.push(error));
    socket.on("event", (event) => {
      if (!event.stream_id) return;
      lanes[event.stream_id].push(event);
      if (ENDS.has(event.type)) ends.push(text(event.response));
      if (ends.length === 3) {
        clearTimeout(late);
        resolve();
      }
    });
    for (const [lane, input] of [
      ["A", "one two three four"],
      ["B", "quick"],
      ["A", "later"],
    ])
      socket.send({ type: "response.create", model: "echo", input, stream_id: lane });
    socket.send({ type: "no.such" });
  });
  socket.close();
  assert.deepEqual(ends, ["quick", "one two three four", "later"]);
  const cut = lanes.A.findIndex((event) => ENDS.has(event.type)) + 1;
  for (const events of [lanes.A.slice(0, cut), lanes.A.slice(cut), lanes.B]) told(events);
  assert.equal(errors.length, 1);
  assert.match(JSON.stringify(errors[0].error), /unknown_event/);
}

for (const check of [
  aWholeAnswer,
  aStreamAndEveryPlaceToResumeItFrom,
  theHelper,
  aCutStreamIsResumed,
  cancelEndsTheStream,
  refusals,
  lanesOnASocket,
]) {
  await check();
  console.log(`ok ${check.name}`);
}
