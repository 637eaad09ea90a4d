// The official JavaScript client's older half, chat completions: whole, streamed, parsed, closed, refused. Says `ok` for each check.
import assert from "node:assert/strict";
import OpenAI from "openai";

const { FAST_URL, FAST_KEY, SLOW_URL, SLOW_KEY, PICTURE } = process.env;
const fast = new OpenAI({ baseURL: FAST_URL, apiKey: FAST_KEY, maxRetries: 0 });
const slow = new OpenAI({ baseURL: SLOW_URL, apiKey: SLOW_KEY, maxRetries: 0 });
const ANSWER = "What is the total? [picture 64x48]";
const url = `data:image/png;base64,${Buffer.from(PICTURE, "hex").toString("base64")}`;
const messages = [
  { role: "system", content: "Be brief." },
  {
    role: "user",
    content: [
      { type: "image_url", image_url: { url, detail: "low" } },
      { type: "text", text: "What is the total?" },
    ],
  },
];
const hello = [{ role: "user", content: "hello" }];
const stream_options = { include_usage: true };

const all = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

function counted(usage) {
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  assert.ok(Number.isInteger(usage.prompt_tokens_details.cached_tokens));
  assert.ok(Number.isInteger(usage.completion_tokens_details.reasoning_tokens));
}

async function aWholeCompletion() {
  const completion = await fast.chat.completions.create({ model: "echo", messages, seed: 7, stop: "END" });
  assert.equal(completion.choices[0].message.content, ANSWER);
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert.deepEqual([completion.metrics.cache, completion.degraded], ["off", []]);
  counted(completion.usage);
}

async function chunksAsTheyCome() {
  const chunks = await all(await fast.chat.completions.create({ model: "echo", messages, stream: true, stream_options }));
  const cost = chunks.pop();
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), ANSWER);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.deepEqual(cost.choices, []);
  counted(cost.usage);
}

async function theHelper() {
  const stream = fast.chat.completions.stream({ model: "echo", messages, stream_options });
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, ANSWER);
}

async function aFormThatTheAnswerKeeps() {
  const schema = {
    type: "object",
    properties: { total: { type: "integer" } },
    required: ["total"],
    additionalProperties: false,
  };
  const response_format = { type: "json_schema", json_schema: { name: "Receipt", strict: true, schema } };
  const asked = [{ role: "user", content: '{"total": 42}' }];
  const completion = await fast.chat.completions.parse({ model: "echo", messages: asked, response_format });
  assert.deepEqual(JSON.parse(completion.choices[0].message.content), { total: 42 });
  await assert.rejects(
    fast.chat.completions.create({ model: "echo", messages: hello, response_format }),
    (error) => error instanceof OpenAI.InternalServerError && error.code === "output_invalid",
  );
  const stream = await fast.chat.completions.create({ model: "echo", messages: hello, response_format, stream: true });
  await assert.rejects(all(stream), (error) => error instanceof OpenAI.APIError && error.code === "output_invalid");
}

async function aStreamThatIsClosedStops() {
  const busy = async () => {
    const address = SLOW_URL.replace(/\/v1$/, "/health/ready");
    return (await (await fetch(address, { headers: { authorization: `Bearer ${SLOW_KEY}` } })).json()).busy;
  };
  const long = [{ role: "user", content: "word ".repeat(400) }];
  let chunks = 0;
  for await (const _ of await slow.chat.completions.create({ model: "echo", messages: long, stream: true })) {
    chunks += 1;
    if (chunks === 3) {
      assert.equal(await busy(), 1);
      break;
    }
  }
  const late = Date.now() + 3_000;
  while (await busy()) {
    assert.ok(Date.now() < late, "the answer goes on");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function refusals() {
  const refused = (fields, kind, code) =>
    assert.rejects(fast.chat.completions.create(fields), (error) => error instanceof kind && error.code === code);
  await refused({ model: "gpt-9", messages: hello }, OpenAI.NotFoundError, "model_not_found");
  await refused({ model: "echo", messages: [] }, OpenAI.BadRequestError, "invalid_request");
  await refused({ model: "echo", messages: hello, n: 2 }, OpenAI.BadRequestError, "unsupported_parameter");
  await refused({ model: "echo", messages: hello, n: 2, stream: true }, OpenAI.BadRequestError, "unsupported_parameter");
}

for (const check of [
  aWholeCompletion,
  chunksAsTheyCome,
  theHelper,
  aFormThatTheAnswerKeeps,
  aStreamThatIsClosedStops,
  refusals,
]) {
  await check();
  console.log(`ok ${check.name}`);
}
