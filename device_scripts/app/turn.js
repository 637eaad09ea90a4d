/**
 * One question and its answer: the `response.*` events of the wire, folded one by one into what the page shows.
 *
 * Pure. The cursor is the last `sequence_number` taken in; whatever is at or below it was seen before and is dropped,
 * which is why a cut and resumed stream neither loses nor doubles a word.
 */
import { digest, isObject, list, string, words, LIMITS } from "./read.js";

/** Phases in which something is still expected from the laptop. */
const OPEN = new Set(["unsent", "sent", "queued", "reading", "writing"]);
const ENDS = new Map([["response.completed", "done"], ["response.incomplete", "cut"], ["response.failed", "failed"]]);

export const isOpen = (turn) => OPEN.has(turn.phase);

/** `key` names the turn on the page: the response's id, or the event's until the laptop has accepted the question. */
export function newTurn({ key, text = "", sha256 = null, captureId = null, askedBy = "", at }) {
  return {
    key, text, sha256, captureId, askedBy, at,
    responseId: null, eventId: null, previous: null, prompt: "", model: "", phase: "queued", position: 0,
    cursor: -1, parts: [], answer: "", thinking: "", loading: false, degraded: [], error: null, reason: "", metrics: null,
  };
}

/** Takes in what `bridge:question` tells about the turn. */
export function describe(turn, message) {
  turn.text = words(message.text) || turn.text;
  turn.captureId = string(message.capture_id) || turn.captureId;
  turn.sha256 = digest(message.sha256) ?? turn.sha256;
  turn.askedBy = string(message.asked_by) || turn.askedBy;
  turn.model = string(message.model) || turn.model;
}

/** Takes in one event of the answer. Returns whether it was new. */
export function step(turn, message) {
  const number = message.sequence_number;
  if (!Number.isInteger(number) || number <= turn.cursor || !isOpen(turn)) return false;
  turn.cursor = number;
  fold(turn, message);
  return true;
}

export function fail(turn, error) {
  Object.assign(turn, { phase: "failed", error: readError(error) });
}

function fold(turn, message) {
  switch (message.type) {
    case "response.created":
      turn.model ||= string(message.response?.model);
      break;
    case "response.queued":
      turn.phase = "queued";
      turn.position = Number.isInteger(message.position) ? message.position : 0;
      turn.loading = message.reason === "loading";
      break;
    case "response.in_progress":
      turn.phase = "reading";
      break;
    case "response.reasoning_text.delta": // no part of the answer
      turn.thinking = ((turn.thinking ?? "") + string(message.delta)).slice(0, LIMITS.answer);
      break;
    case "response.reasoning_text.done":
      turn.thinking = string(message.text).slice(0, LIMITS.answer);
      break;
    case "response.output_text.delta":
    case "response.refusal.delta":
      write(turn, message, (before) => before + string(message.delta));
      break;
    case "response.output_text.done":
      write(turn, message, () => string(message.text));
      break;
    case "response.refusal.done":
      write(turn, message, () => string(message.refusal));
      break;
    default:
      if (ENDS.has(message.type)) end(turn, message);
  }
}

function write(turn, message, change) {
  const place = `${message.output_index}.${message.content_index}`;
  let part = turn.parts.find((each) => each.place === place);
  if (!part) {
    part = { place, text: "" };
    turn.parts.push(part);
  }
  part.text = change(part.text).slice(0, LIMITS.answer);
  turn.answer = turn.parts.map((each) => each.text).join("");
  if (turn.answer) turn.phase = "writing";
}

function end(turn, message) {
  const response = isObject(message.response) ? message.response : {};
  turn.answer = outputText(response.output).slice(0, LIMITS.answer) || turn.answer;
  turn.phase = response.status === "cancelled" ? "stopped" : ENDS.get(message.type);
  turn.reason = string(response.incomplete_details?.reason);
  turn.error = turn.phase === "failed" ? readError(response.error) : null;
  turn.degraded = list(response.degraded).filter((step) => typeof step === "string");
  turn.metrics = isObject(response.metrics) ? response.metrics : null;
  turn.parts = [];
}

/** The final text as the terminal event carries it. */
function outputText(output) {
  return list(output)
    .flatMap((item) => (item?.type === "message" ? list(item.content) : []))
    .map((part) => string(part?.text ?? part?.refusal))
    .join("");
}

export function readError(error) {
  return {
    reason: string(error?.reason) || string(error?.code) || "internal",
    message: words(error?.message),
    retryable: error?.retryable === true,
  };
}
