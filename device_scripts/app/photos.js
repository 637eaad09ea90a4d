/**
 * Pictures as addresses that an <img> can show: fetched with the token once, kept small, given back when no longer needed.
 *
 * A phone's photo is several megabytes and ten times that when decoded: only the latest few stay whole, the strip lives
 * on thumbnails drawn once.
 */
const WHOLE = 3;
const THUMBS = 40;
const THUMB_SIDE = 168;

export class Photos {
  #whole = new Map(); // sha256 -> promise of an object URL, the least recently used first
  #thumbs = new Map();

  /** `load(sha256)` gives the picture's bytes. */
  constructor(load) {
    this.load = load;
  }

  /** The whole picture's address. */
  whole(sha256) {
    return this.#get(this.#whole, WHOLE, sha256, async () => URL.createObjectURL(await this.load(sha256)));
  }

  /** A small square's address. */
  thumb(sha256) {
    return this.#get(this.#thumbs, THUMBS, sha256, async () => URL.createObjectURL(await shrink(await this.load(sha256))));
  }

  /** The laptop is back: what could not be loaded is tried again when it is next asked for. */
  retry() {
    for (const cache of [this.#whole, this.#thumbs]) {
      for (const [sha256, address] of cache) address.catch(() => cache.get(sha256) === address && cache.delete(sha256));
    }
  }

  #get(cache, limit, sha256, make) {
    const address = cache.get(sha256) ?? make();
    cache.delete(sha256);
    cache.set(sha256, address);
    address.catch(() => {}); // whoever shows it looks at the failure
    for (const oldest of [...cache.keys()].slice(0, Math.max(0, cache.size - limit))) {
      cache.get(oldest).then(URL.revokeObjectURL, () => {});
      cache.delete(oldest);
    }
    return address;
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
