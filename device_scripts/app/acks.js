/**
 * Tells the laptop how far this page has read, so that a page that has stopped is noticed and a slow one is not flooded.
 *
 * What is read while an answer grows is told a few times a second; anything else at once, because the timers of a
 * hidden page may come a minute late.
 */
const EVERY = 250; // ms

const isDelta = (message) => message.type.endsWith(".delta");

/** The acknowledgement of a message: an answer's by its name, the laptop's own without; null where there is no number. */
export function acknowledgement({ type, response_id: id, sequence_number: number }) {
  if (!Number.isInteger(number)) return null;
  const ack = { type: "bridge:ack", sequence_number: number };
  return type.startsWith("bridge:") ? ack : { ...ack, response_id: id };
}

export class Acks {
  #due = null;
  #timer = 0;
  #told = 0;

  constructor({ send, now = () => Date.now() }) {
    Object.assign(this, { send, now });
  }

  /** A message was taken in. */
  read(message) {
    const ack = acknowledgement(message);
    if (!ack) return;
    this.#due = ack;
    const wait = this.#told + EVERY - this.now();
    if (!isDelta(message) || wait <= 0) this.#tell();
    else this.#timer ||= setTimeout(() => this.#tell(), wait);
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#told = this.now();
    this.send(this.#due);
  }
}
