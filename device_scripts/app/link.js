/**
 * The link between this page and the laptop: a single-use code from the address is exchanged for a token.
 *
 * The code travels in the fragment, which no server and no log sees; it is dropped from the address at once. The token
 * lives in `sessionStorage`: it survives a reload and ends with the tab.
 */
const KEY = "bridge.link";
const REQUEST_DEADLINE = 8_000;
const NEVER = Number.MAX_SAFE_INTEGER; // the laptop decides anyway

/** Takes the code out of the address bar (and out of the history). */
export function takeCode(location, history) {
  const code = new URLSearchParams(location.hash.slice(1)).get("c");
  if (code !== null) history.replaceState(null, "", location.pathname + location.search);
  return code || null;
}

export class Link {
  constructor({ storage, fetch, now = () => Date.now() }) {
    Object.assign(this, { storage, fetch, now });
  }

  /** The token kept from before, unless it has run out. */
  get token() {
    const kept = read(this.storage, KEY);
    return kept && kept.expires > this.now() ? kept.token : null;
  }

  /** Exchanges a code. Returns "linked", "refused" (used, expired or unknown) or "unreachable" (worth another try). */
  async exchange(code) {
    let answer;
    try {
      answer = await this.fetch("/link", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ code }),
        signal: AbortSignal.timeout(REQUEST_DEADLINE),
      });
      if (!answer.ok) return answer.status < 500 && answer.status !== 429 ? "refused" : "unreachable";
      const { token, expires_at: expires } = await answer.json();
      if (typeof token !== "string" || !token) return "refused";
      write(this.storage, KEY, { token, expires: typeof expires === "number" ? expires * 1000 : NEVER });
      return "linked";
    } catch {
      return "unreachable";
    }
  }

  forget() {
    this.storage.removeItem(KEY);
  }
}

/** Reads JSON that this page wrote earlier; anything else counts as absent. */
export function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null;
  }
}

/** Writes JSON; says false when the storage is full or forbidden. */
export function write(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
