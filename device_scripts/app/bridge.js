/**
 * The phone's side of the bridge: link, socket, pictures, questions, answers. The page uses nothing else.
 *
 *   const bridge = new Bridge();
 *   bridge.on("change", () => draw(bridge.answers.pictures()));
 *   bridge.on("status", (status) => …);   // linking, up, down, expired, unlinked
 *   bridge.on("finish", (turn) => …);     // an answer has ended, one way or another
 *   bridge.connect();                     // takes the code from the address, or the token kept from before
 *   bridge.ask({ text: "What is the total?", picture, previous });
 *
 * It speaks the host's own protocol (Responses API over a WebSocket) and a few `bridge:` events of the laptop.
 */
import { Acks } from "./acks.js";
import { Answers } from "./answers.js";
import { Link, read, takeCode, write } from "./link.js";
import { optionsOf } from "./prompts.js";
import { delay, Socket } from "./socket.js";
import { isOpen } from "./turn.js";

const STATE = "bridge.state";
const SAVE_EVERY = 400; // ms
const PICTURE_DEADLINE = 30_000;
const PROBE_DEADLINE = 4_000;

/** What a browser offers; tests hand in their own. */
const browser = () => ({
  location: globalThis.location,
  history: globalThis.history,
  storage: globalThis.sessionStorage,
  fetch: (...args) => globalThis.fetch(...args),
  socket: (url, protocols) => new WebSocket(url, protocols),
});

export class Bridge extends EventTarget {
  #link;
  #socket;
  #acks;
  #env;
  #code = null;
  #own = null; // the picture chosen last, shown without asking for it back
  #saveTimer = 0;

  constructor(env = browser()) {
    super();
    this.#env = env;
    this.answers = new Answers(read(env.storage, STATE));
    this.status = "linking";
    this.language = "en"; // of named questions
    this.#link = new Link(env);
    this.#acks = new Acks({ send: (ack) => this.#socket.send(ack) });
    this.#socket = new Socket({
      open: () => env.socket(this.#address(), ["bridge.v1", `bridge.bearer.${this.#link.token}`]),
      probe: () => this.#probe(),
      on: {
        up: () => {},
        down: () => this.#turnTo("down"),
        message: (message) => this.#take(message),
        refused: () => this.#expired(),
      },
    });
  }

  on(type, listener) {
    this.addEventListener(type, (event) => listener(event.detail));
    return this;
  }

  /** Links and connects. Called again with a fresh code in the address (`hashchange`), it links anew. */
  async connect() {
    const code = takeCode(this.#env.location, this.#env.history);
    if (code) await this.#exchange(code);
    else if (this.#link.token) this.#start();
    else this.#turnTo(this.status === "linking" ? "unlinked" : this.status);
  }

  /** Worth trying now: the page was opened, the network came back. */
  wake() {
    return this.#socket.wake();
  }

  /**
   * Asks about a picture, which is named and not sent again; `previous` is the answer the question goes on from,
   * `prompt` the name of the named question whose text it is.
   */
  ask({ text, picture = null, previous = null, prompt = "" }) {
    const { sha256 = null, captureId = null } = picture ?? {};
    const asked = { eventId: `q_${randomHex(12)}`, text, sha256, captureId, previous, prompt };
    const turn = this.answers.ask(asked, Date.now());
    this.#send(turn);
    this.#changed(turn.key);
    return turn;
  }

  stop(turn) {
    if (turn.responseId) this.#socket.send({ type: "response.cancel", response_id: turn.responseId });
  }

  pause(paused) {
    return this.#socket.send({ type: "bridge:pause", paused });
  }

  /** Says that pictures taken while nobody looked may be sent too. */
  sendHeld() {
    return this.#socket.send({ type: "bridge:send_held" });
  }

  /** Deletes a picture and its answers, on the laptop and at the model's host. Throws when that cannot be done now. */
  async remove(sha256) {
    await this.#request(`/v1/captures/${sha256}`, { method: "DELETE" });
    this.#take({ type: "bridge:deleted", sha256 });
  }

  /** A picture's bytes. Throws when the laptop does not have it or cannot be reached. */
  async picture(sha256) {
    if (this.#own?.sha256 === sha256) return this.#own.file;
    const answer = await this.#request(`/v1/captures/${sha256}`);
    return answer.blob();
  }

  /** Takes in a picture chosen on the page: shows it, sends it. Returns what a question needs, or null on failure. */
  async capture(file) {
    const bytes = await file.arrayBuffer();
    const sha256 = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    const picture = { captureId: `cap_${randomHex(16)}`, sha256, name: file.name };
    const show = (state, error = null) => {
      this.answers.addPicture({ ...picture, state, error }, Date.now());
      this.#changed("");
    };
    this.#own = { sha256, file };
    show("sending");
    try {
      const answer = await this.#request(`/v1/captures/${sha256}`, { method: "PUT", body: bytes });
      const { capture_id: captureId } = await answer.json();
      this.answers.accepted(picture.captureId, captureId);
      this.#changed("");
      return { ...picture, captureId };
    } catch (error) {
      show("failed", { reason: error.reason ?? "upload", message: error.message });
      return null;
    }
  }

  /** Keeps everything for a reload. Called by itself after changes; the page calls it when it is being hidden. */
  save() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = 0;
    write(this.#env.storage, STATE, this.answers.snapshot());
  }

  // ---------------------------------------------------------------------------------- link

  async #exchange(code) {
    this.#code = code;
    this.#socket.stop();
    this.#turnTo("linking");
    for (let attempt = 0; this.#code === code; attempt += 1) {
      const result = await this.#link.exchange(code);
      if (this.#code !== code) return; // a fresher code has come in
      if (result === "linked" || this.#link.token) return this.#start();
      if (result === "refused") return this.#expired();
      this.#turnTo("down");
      await new Promise((done) => setTimeout(done, delay(attempt, Math.random())));
    }
  }

  #start() {
    this.#code = null;
    this.#socket.start();
  }

  #expired() {
    this.#code = null;
    this.#link.forget();
    this.#socket.stop();
    this.#turnTo("expired");
  }

  #turnTo(status) {
    if (this.status === status) return;
    this.status = status;
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
  }

  #address() {
    const { protocol, host } = this.#env.location;
    return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/v1/responses`;
  }

  // ---------------------------------------------------------------------------------- messages

  #take(message) {
    const key = this.answers.apply(message, Date.now());
    if (message?.type) this.#acks.read(message);
    if (key === null) return;
    if (message.type === "bridge:session.ready") this.#ready(message);
    this.#changed(key);
  }

  /** The laptop tells what it still has. It knows a question by its `event_id`: sending one twice asks it once. */
  #ready(message) {
    this.#socket.settled();
    this.#socket.send({ type: "bridge:hello", protocol: 1, resume: this.answers.resume(message.answers) });
    for (const turn of this.answers.waiting()) this.#send(turn);
    this.#turnTo("up");
  }

  #send(turn) {
    const content = [{ type: "input_text", text: turn.text }];
    if (turn.sha256) content.unshift({ type: "input_image", file_id: `cap_${turn.sha256}` });
    const sent = this.#socket.send({
      type: "response.create",
      event_id: turn.eventId,
      input: [{ role: "user", content }],
      ...optionsOf(this.answers.prompts.find((prompt) => prompt.name === turn.prompt), this.language),
      ...(turn.previous && { previous_response_id: turn.previous }),
    });
    turn.phase = sent ? "sent" : "unsent";
  }

  #changed(key) {
    this.#saveTimer ||= setTimeout(() => this.save(), SAVE_EVERY);
    this.dispatchEvent(new CustomEvent("change", { detail: key }));
    const turn = this.answers.turns.get(key);
    if (turn && !isOpen(turn)) this.dispatchEvent(new CustomEvent("finish", { detail: turn }));
  }

  // ---------------------------------------------------------------------------------- HTTP

  async #request(path, options = {}) {
    if (!this.#link.token) throw new Error("not linked");
    const headers = { Authorization: `Bearer ${this.#link.token}` };
    const answer = await this.#env.fetch(path, { ...options, headers, signal: AbortSignal.timeout(PICTURE_DEADLINE) });
    if (answer.ok) return answer;
    const { error } = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(error?.message ?? answer.statusText), { reason: error?.code ?? "internal" });
  }

  async #probe() {
    const signal = AbortSignal.timeout(PROBE_DEADLINE);
    const answer = await this.#env.fetch("/healthz", { signal, cache: "no-store" }).catch(() => null);
    return answer?.ok === true;
  }
}

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const randomHex = (length) => hex(crypto.getRandomValues(new Uint8Array(length)));
