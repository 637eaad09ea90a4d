/**
 * Pictures as addresses that an <img> can show: fetched with the token once, kept small, given back when not needed.
 *
 * A phone's photo is several megabytes and ten times that when decoded: only the latest few stay whole, the strip lives
 * on thumbnails drawn once.
 */
const WHOLE = 3;
const THUMBS = 40;
const THUMB_SIDE = 168;

export class Photos {
  /** `load(sha256)` gives the picture's bytes. */
  constructor(load) {
    this.load = load;
    this.blobs = new Cache(WHOLE, () => {});
    this.wholes = new Cache(WHOLE, URL.revokeObjectURL);
    this.thumbs = new Cache(THUMBS, URL.revokeObjectURL);
  }

  /** The whole picture's address. */
  whole(sha256) {
    return this.wholes.get(sha256, async () => URL.createObjectURL(await this.#bytes(sha256)));
  }

  /** A small square's address. */
  thumb(sha256) {
    return this.thumbs.get(sha256, async () => URL.createObjectURL(await shrink(await this.#bytes(sha256))));
  }

  /** The laptop is back: what could not be loaded is tried again when it is next asked for. */
  retry() {
    for (const cache of [this.blobs, this.wholes, this.thumbs]) cache.forgetFailures();
  }

  #bytes(sha256) {
    return this.blobs.get(sha256, () => this.load(sha256));
  }
}

/** Promises by name, the least recently used given up first. */
class Cache extends Map {
  constructor(limit, dispose) {
    super();
    Object.assign(this, { limit, dispose });
  }

  get(name, make) {
    const promise = super.get(name) ?? make();
    this.delete(name);
    this.set(name, promise);
    promise.catch(() => {}); // whoever waits for it looks at the failure
    for (const oldest of [...this.keys()].slice(0, Math.max(0, this.size - this.limit))) {
      super.get(oldest).then(this.dispose, () => {});
      this.delete(oldest);
    }
    return promise;
  }

  forgetFailures() {
    for (const [name, promise] of this) promise.catch(() => super.get(name) === promise && this.delete(name));
  }
}

async function shrink(blob) {
  const bitmap = await createImageBitmap(blob);
  const side = Math.min(bitmap.width, bitmap.height);
  const canvas = Object.assign(document.createElement("canvas"), { width: THUMB_SIDE, height: THUMB_SIDE });
  const [x, y] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, THUMB_SIDE, THUMB_SIDE);
  bitmap.close();
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
}
