/**
 * What the page knows: pictures, questions and answers, built from the messages of the socket.
 *
 * Pure: no DOM, no socket, no clock (the time is an argument), so that node's test runner drives it with the same
 * golden messages as the host's tests. Unknown messages are ignored; what grows is bounded.
 */
import { count, digest, isObject, list, string, words, LIMITS } from "./read.js";
import { readPrompts } from "./prompts.js";
import { describe, fail, isOpen, newTurn, readError, step } from "./turn.js";

export class Answers {
  constructor(snapshot = null) {
    this.session = { device: { serial: "", model: "" }, prompt: "", watching: null, held: 0, host: "" };
    this.prompts = []; // named questions, see prompts.js
    this.phone = { state: "", hint: "" }; // how the laptop sees this phone
    this.captures = new Map(); // capture_id -> {captureId, sha256, name, source, state, at}
    this.turns = new Map(); // turn.key -> turn, in the order of asking
    if (snapshot?.version === 1) this.#restore(snapshot);
  }

  /** Takes one message in. Returns the key of the turn it changed, "" for another change, null for none. */
  apply(message, at) {
    if (!isObject(message) || typeof message.type !== "string") return null;
    if (message.type.startsWith("response.")) return this.#event(message, at);
    switch (message.type) {
      case "bridge:session.ready": return this.#ready(message);
      case "bridge:device": return this.#device(message);
      case "bridge:host": return this.#host(message);
      case "bridge:pause": return this.#pause(message);
      case "bridge:held": return this.#held(message);
      case "bridge:prompts": return this.#offer(message);
      case "bridge:capture": return this.#capture(message, at);
      case "bridge:deleted": return this.#deleted(message);
      case "bridge:waiting": return this.#place(message);
      case "bridge:question": return this.#question(message, at);
      case "error": return this.#error(message);
      default: return null;
    }
  }

  /** A question typed on the page, shown before the laptop has accepted it. */
  ask({ eventId, text, sha256 = null, captureId = null, previous = null, prompt = "" }, at) {
    const turn = newTurn({ key: eventId, text, sha256, captureId, askedBy: "page", at });
    Object.assign(turn, { phase: "unsent", eventId, previous, prompt });
    this.turns.set(eventId, turn);
    this.#trim();
    return turn;
  }

  /** A picture chosen on the page, shown before it has arrived at the laptop. */
  addPicture({ captureId, sha256, name, state, error = null }, at) {
    const before = this.captures.get(captureId);
    const own = { sending: state === "sending" }; // until the laptop has given it a name of its own
    this.captures.set(captureId, { captureId, sha256, name, source: "page", state, error, ...own, at: before?.at ?? at });
    this.#trim();
  }

  /** The laptop has taken in a picture that was chosen on the page, and calls it `captureId`. */
  accepted(before, captureId) {
    const capture = this.captures.get(before);
    if (capture) this.#rename(before, captureId, { ...capture, state: "pulled", sending: false });
  }

  /** Questions that the laptop has not accepted yet, oldest first. */
  waiting() {
    return [...this.turns.values()].filter((turn) => turn.responseId === null && isOpen(turn));
  }

  /** What to ask for after a (re)connect: the rest of what is unfinished, and whatever this page has never seen. */
  resume(known) {
    const ids = new Set(list(known).filter((id) => typeof id === "string"));
    const rest = [];
    for (const turn of this.turns.values()) {
      if (!turn.responseId || !isOpen(turn)) continue;
      rest.push({ id: turn.responseId, starting_after: turn.cursor });
    }
    for (const id of ids) if (!this.turns.has(id)) rest.push({ id, starting_after: -1 });
    return rest;
  }

  /** Pictures with their questions, oldest first. A picture's key stays the same for the life of the page. */
  pictures() {
    const pictures = new Map();
    const add = (key, picture) => pictures.set(key, { key, turns: [], ...picture }).get(key);
    for (const capture of this.captures.values()) add(capture.captureId, capture);
    for (const turn of this.turns.values()) {
      const { captureId, sha256, at } = turn;
      const key = captureId || sha256 || "";
      const picture = pictures.get(key) ?? add(key, { captureId, sha256, name: "", source: "", state: "", at });
      picture.turns.push(turn);
    }
    return [...pictures.values()].sort((a, b) => a.at - b.at);
  }

  /** Everything, as plain JSON for `sessionStorage`. */
  snapshot() {
    const [captures, turns] = [this.captures, this.turns].map((map) => [...map.values()]);
    return { version: 1, session: this.session, captures, turns };
  }

  #restore(snapshot) {
    this.session = snapshot.session;
    for (const capture of snapshot.captures) this.captures.set(capture.captureId, capture);
    for (const turn of snapshot.turns) this.turns.set(turn.key, turn);
  }

  // ---------------------------------------------------------------------------------- messages

  #ready(message) {
    this.session = {
      device: { serial: string(message.device?.serial), model: string(message.device?.model) },
      prompt: words(message.prompt),
      watching: typeof message.watching === "boolean" ? message.watching : null,
      held: count(message.held),
      host: string(message.host),
    };
    return "";
  }

  #device(message) {
    this.phone = { state: string(message.state), hint: words(message.hint) };
    return "";
  }

  #host(message) {
    this.session.host = string(message.state);
    return "";
  }

  #pause(message) {
    if (typeof message.paused === "boolean") this.session.watching = !message.paused;
    return "";
  }

  #held(message) {
    this.session.held = count(message.count);
    return "";
  }

  #offer(message) {
    this.prompts = readPrompts(message.prompts);
    return "";
  }

  /** A picture of this phone is gone from the laptop, and so is everything about it from here. */
  #deleted(message) {
    const sha256 = digest(message.sha256);
    if (!sha256) return null;
    for (const map of [this.captures, this.turns]) {
      for (const [key, each] of map) if (each.sha256 === sha256) map.delete(key);
    }
    return "";
  }

  /** A question of this page stands in a line on the laptop. */
  #place(message) {
    const turn = this.turns.get(string(message.event_id));
    if (!turn || !isOpen(turn)) return null;
    Object.assign(turn, { phase: "sent", position: count(message.position) });
    return turn.key;
  }

  #capture(message, at) {
    const captureId = string(message.capture_id);
    if (!captureId) return null;
    if (message.source === "page") this.#meet(captureId, digest(message.sha256));
    const before = this.captures.get(captureId);
    this.captures.set(captureId, {
      captureId,
      sha256: digest(message.sha256) ?? before?.sha256 ?? null,
      name: words(message.name),
      source: string(message.source),
      state: string(message.state),
      error: isObject(message.error) ? readError(message.error) : null,
      at: before?.at ?? at,
    });
    this.#trim();
    return "";
  }

  #question(message, at) {
    const id = string(message.response_id);
    if (!id) return null;
    const known = this.turns.get(id);
    if (known) describe(known, message);
    else this.#accept(id, message, at);
    return id;
  }

  /** The accepted question takes the place of what the page showed for it until now. */
  #accept(id, message, at) {
    const old = this.#asked(message) ?? this.turns.get(string(message.retry_of));
    const turn = newTurn({ ...(old ?? { at }), key: id });
    Object.assign(turn, { responseId: id, eventId: old?.eventId ?? null });
    describe(turn, message);
    const entries = [...this.turns].map(([key, each]) => (each === old ? [id, turn] : [key, each]));
    this.turns = new Map(old ? entries : [...entries, [id, turn]]);
    this.#trim();
  }

  /** The question of this page that the laptop has just accepted. */
  #asked(message) {
    const waiting = this.waiting();
    if (message.event_id) return waiting.find((turn) => turn.eventId === message.event_id);
    if (message.asked_by !== "page") return undefined;
    const sha256 = digest(message.sha256);
    return waiting.find((turn) => turn.text === message.text && (!turn.sha256 || turn.sha256 === sha256));
  }

  /** The laptop tells of a picture that this page is sending: it may do so before it has answered. */
  #meet(captureId, sha256) {
    const sending = [...this.captures.values()].find((each) => each.sending && each.sha256 === sha256);
    if (sending) this.#rename(sending.captureId, captureId, { ...sending, sending: false });
  }

  /** A picture chosen on the page gets the laptop's name for it, where it stands. */
  #rename(before, captureId, capture) {
    const entries = [...this.captures].filter(([key]) => key === before || key !== captureId);
    const renamed = entries.map(([key, each]) => (key === before ? [captureId, { ...capture, captureId }] : [key, each]));
    this.captures = new Map(renamed);
  }

  /** A question was refused, or an answer that was asked for again is not kept any more. */
  #error(message) {
    const lost = message.error?.code === "response_not_found" ? string(message.error.param) : "";
    const turn = this.turns.get(string(message.event_id) || lost);
    if (!turn || !isOpen(turn)) return null;
    fail(turn, lost ? { reason: "lost" } : message.error);
    return turn.key;
  }

  #event(message, at) {
    const id = string(message.response_id ?? message.response?.id);
    if (id && !this.turns.has(id) && message.type === "response.created") this.#accept(id, {}, at);
    const turn = this.turns.get(id);
    return turn && step(turn, message) ? turn.key : null;
  }

  #trim() {
    for (const [key, turn] of this.turns) {
      if (this.turns.size <= LIMITS.turns) break;
      if (!isOpen(turn) || this.turns.size > 2 * LIMITS.turns) this.turns.delete(key);
    }
    while (this.captures.size > LIMITS.captures) this.captures.delete(this.captures.keys().next().value);
  }
}
