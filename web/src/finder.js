// The network that finds damage, over photos of any size, in tiles: the rules of partialconv.finding.finder.

/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./scales.js").Picture} Picture */
/**
 * What was found at every sensitivity. A level of n says that a pixel is found at the n highest of the `STEPS` + 1
 * sensitivities from 0 to 1; its kind is a place in `KINDS`.
 * @typedef {{height: number, width: number, levels: Uint8Array, kinds: Uint8Array}} DamageMap
 */

export const KINDS = ["dust", "scratches", "cracks", "stamp", "text"];
export const STEPS = 200;
const HALO_PX = 64; // further away the network does not look
const TILE_PX = 1024; // of a tile without its halo; a multiple of `UNIT_PX`
const UNIT_PX = 16; // the network takes sides of multiples of this
const FLOOR = 0.02; // no threshold lies below
const SLOPE = 6; // of the threshold's logit over the sensitivity

/**
 * @param {import("./runtime.js").Session} session @param {number} threshold Probability at a sensitivity of 0.5.
 * @param {Picture} photo @param {Grid} hole 1 = unknown: nothing is found there.
 * @param {(share: number) => Promise<void>} tell
 * @returns {Promise<DamageMap>}
 */
export async function scan(session, threshold, photo, hole, tell) {
  const {height, width} = photo, levels = new Uint8Array(height * width), kinds = new Uint8Array(height * width);
  const thresholds = Float32Array.from({length: STEPS + 1}, (_, step) => thresholdAt(threshold, 1 - step / STEPS)); // rising
  const columns = Math.ceil(width / TILE_PX), total = columns * Math.ceil(height / TILE_PX);
  await tell(0);
  for (let number = 0; number < total; number++) {
    const top = Math.floor(number / columns) * TILE_PX, left = (number % columns) * TILE_PX;
    const bottom = Math.min(height, top + TILE_PX), right = Math.min(width, left + TILE_PX);
    const ys = reflected(top, bottom, height), xs = reflected(left, right, width);
    const shape = [1, 1, ys.length, xs.length], size = ys.length * xs.length;
    const image = new Float32Array(3 * size), valid = new Float32Array(size);
    ys.forEach((y, row) => xs.forEach((x, column) => {
      const at = y * width + x, to = row * xs.length + column;
      if (hole.data[at]) return;
      valid[to] = 1;
      for (let channel = 0; channel < 3; channel++) image[channel * size + to] = photo.data[4 * at + channel] / 255;
    }));
    const {damage, kinds: shares} = await session.run({image: [image, [1, 3, ...shape.slice(2)]], valid: [valid, shape]});
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const from = (y - top + HALO_PX) * xs.length + x - left + HALO_PX, at = y * width + x;
        if (!valid[from] || damage[from] < FLOOR) continue;
        levels[at] = numUpTo(thresholds, damage[from]);
        for (let kind = 1; kind < KINDS.length; kind++) {
          if (shares[kind * size + from] > shares[kinds[at] * size + from]) kinds[at] = kind;
        }
      }
    }
    await tell((number + 1) / total);
  }
  return {height, width, levels, kinds};
}

/** The threshold that the file of a finder names. @param {Uint8Array} model */
export function thresholdIn(model) {
  // an entry of the file's metadata: field 1, the key's length and the key; field 2, the value's length and the value
  const key = [0x0a, 9, ...new TextEncoder().encode("threshold"), 0x12];
  const start = model.findLastIndex((_, at) => key.every((byte, place) => model[at + place] === byte));
  const at = start + key.length, value = Number(new TextDecoder().decode(model.subarray(at + 1, at + 1 + model[at])));
  if (start < 0 || !(value > 0 && value < 1)) throw new Error("The file is no network that finds damage: it names no threshold.");
  return value;
}

/** The probability from which a pixel counts. @param {number} threshold At a sensitivity of 0.5. @param {number} sensitivity */
function thresholdAt(threshold, sensitivity) {
  const logit = Math.log(threshold / (1 - threshold)) - SLOPE * (sensitivity - 0.5);
  return Math.max(FLOOR, 1 / (1 + Math.exp(-logit)));
}

/** How many of some rising values are at most a value. @param {Float32Array} rising @param {number} value */
function numUpTo(rising, value) {
  let low = 0, high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Places of a tile with its halo, and with what makes its side a multiple of `UNIT_PX`; reflected at the border. @param {number} start @param {number} stop @param {number} length */
function reflected(start, stop, length) {
  const size = Math.ceil((stop - start + 2 * HALO_PX) / UNIT_PX) * UNIT_PX, period = Math.max(1, 2 * (length - 1));
  return Int32Array.from({length: size}, (_, at) => {
    const place = Math.abs(start - HALO_PX + at) % period;
    return length > 1 ? Math.min(place, period - place) : 0;
  });
}
