/**
 * A WebSocket that comes back: back-off from 250 ms to 4 s, at once when the page is looked at or the network returns.
 *
 * Nothing here knows the protocol; `open()` makes a socket, messages come out parsed. A browser gives no ping, so a
 * socket that has been silent is checked by `probe()` (a small request to the same front) and dropped if that fails.
 */

const FIRST_DELAY = 250;
const LAST_DELAY = 4_000;
const OPEN_DEADLINE = 6_000;
export const SILENCE = 10_000;
export const REFUSED = 4401; // the close code for a token that is not accepted (any more)

/** The wait before the next attempt: doubles to its limit, less up to a fifth so that phones do not come in step. */
export const delay = (attempt, random) => Math.min(LAST_DELAY, FIRST_DELAY * 2 ** attempt) * (1 - random / 5);

export class Socket {
  #socket = null;
  #attempt = 0;
  #well = false; // the other side has taken this socket in
  #timer = 0; // the next attempt, or the deadline of this one
  #watch = 0;
  #heard = 0;
  #closed = true;

  /** `on` = {up(), down(), message(object), refused()}. `up` is called when the socket opens, before any message. */
  constructor({ open, probe, on, now = () => Date.now(), random = Math.random }) {
    Object.assign(this, { open, probe, on, now, random });
  }

  start() {
    this.#closed = false;
    this.#attempt = 0;
    this.#connect();
  }

  stop() {
    this.#closed = true;
    this.#drop();
  }

  /** Sends if the socket is open; says whether it did. */
  send(message) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** The other side has taken this socket in: the next cut starts at the short delay again. */
  settled() {
    this.#attempt = 0;
    this.#well = true;
  }

  /** Something says that it is worth trying now: the page became visible, the network came back. */
  async wake() {
    if (this.#closed) return;
    if (this.#socket === null) this.#connect();
    else if (this.#socket.readyState === 1) await this.#check(this.#socket);
  }

  #connect() {
    this.#drop();
    const socket = this.open();
    this.#socket = socket;
    this.#well = false;
    this.#timer = setTimeout(() => this.#lost(socket), OPEN_DEADLINE);
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event) => this.#message(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  #opened(socket) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#timer);
    this.#heard = this.now();
    this.#watch = setInterval(() => this.#check(socket, SILENCE), SILENCE);
    this.on.up();
  }

  #message(socket, data) {
    if (socket !== this.#socket) return;
    this.#heard = this.now();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // not ours: the protocol is one JSON object a frame
    }
    this.on.message(message);
  }

  /** Drops a socket that has been silent for `silence` ms when the front does not answer a small request either. */
  async #check(socket, silence = 0) {
    if (this.now() - this.#heard < silence || (await this.probe())) return;
    this.#lost(socket);
  }

  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#drop();
    // A socket that was well may be closed for other reasons, such as being slow: only the next one's refusal counts.
    if (code === REFUSED && !this.#well) {
      this.#closed = true;
      this.on.refused();
      return;
    }
    this.on.down();
    this.#timer = setTimeout(() => this.#connect(), delay(this.#attempt, this.random()));
    this.#attempt += 1;
  }

  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
