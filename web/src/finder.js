// The network that finds damage, over photos of any size, in tiles: the rules of partialconv.finding.finder.

import {cut, halvedHole} from "./planner.js";
import {cropped, halved, rint} from "./scales.js";

/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./planner.js").Box} Box */
/** @typedef {import("./scales.js").Picture} Picture */
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
const DOUBT = 1; // taken off the logit of what is found at half the size, where more looks like damage
const SLOPE = 6; // of the threshold's logit over the sensitivity
const SHORTEST_PX = 400; // of the shorter side of a photo that was made smaller to be looked at again
const MOST_SCALES = 3;

/**
 * What the network says of a photo: the probability of damage, as half precision keeps it, and its likeliest kind.
 * @typedef {{height: number, width: number, probability: Float32Array, kinds: Uint8Array}} Seen
 */

/**
 * Run the network over a photo, and over smaller copies of a large one, in which wide damage is thin.
 * @param {import("./runtime.js").Session} session @param {number} threshold Probability at a sensitivity of 0.5.
 * @param {Picture} photo @param {Grid} hole 1 = unknown: nothing is found there.
 * @param {(share: number) => Promise<void>} tell @param {number} [shortest]
 * @returns {Promise<DamageMap>}
 */
export async function scan(session, threshold, photo, hole, tell, shortest = SHORTEST_PX) {
  const pictures = [{photo, hole}];
  while (pictures.length < MOST_SCALES) {
    const {photo: larger, hole: unknown} = pictures[0], bottom = larger.height & ~1, right = larger.width & ~1;
    if (Math.min(bottom, right) / 2 < shortest) break;
    const part = {top: 0, left: 0, bottom, right}, even = cut(unknown, part); // an odd last row or column is left out
    pictures.unshift({photo: halved(cropped(larger, part), even), hole: halvedHole(even)});
  }
  const work = pictures.flatMap((one) => tilesOf(one.photo).map((tile) => ({...one, tile})));
  /** @type {(Seen | null)[]} */
  let [found, coarser] = [null, null];
  await tell(0);
  for (const [number, {photo: image, hole: unknown, tile}] of work.entries()) {
    if (!found || found.height !== image.height || found.width !== image.width) {
      const {height, width} = image, size = height * width;
      [coarser, found] = [found, {height, width, probability: new Float32Array(size), kinds: new Uint8Array(size)}];
    }
    await lookAt(session, image, unknown, tile, found, coarser);
    await tell((number + 1) / work.length);
  }
  const {height, width, probability, kinds} = widened(/** @type {Seen} */ (found));
  hole.data.forEach((unknown, at) => { if (unknown) probability[at] = 0; });
  const thresholds = Float32Array.from({length: STEPS + 1}, (_, step) => half(thresholdAt(threshold, 1 - step / STEPS))); // rising
  const levels = Uint8Array.from(probability, (value) => (value < thresholds[0] ? 0 : numUpTo(thresholds, value)));
  kinds.forEach((_, at) => { if (!levels[at]) kinds[at] = 0; });
  return {height, width, levels, kinds};
}

/**
 * Run the network over a tile, and take what was found there at half the size where that is more likely.
 * @param {import("./runtime.js").Session} session @param {Picture} photo @param {Grid} hole @param {Box} tile
 * @param {Seen} found Is written. @param {Seen | null} coarser
 */
async function lookAt(session, photo, hole, tile, found, coarser) {
  const ys = placesOf(tile.top, tile.bottom, photo.height), xs = placesOf(tile.left, tile.right, photo.width);
  const [rows, columns] = [ys.length, xs.length], size = rows * columns;
  const image = new Float32Array(3 * size), valid = new Float32Array(size);
  ys.forEach((y, row) => xs.forEach((x, column) => {
    const at = y * photo.width + x, to = row * columns + column;
    if (hole.data[at]) return;
    valid[to] = 1;
    for (let channel = 0; channel < 3; channel++) image[channel * size + to] = photo.data[4 * at + channel] / 255;
  }));
  const {damage, kinds: shares} = await session.run({image: [image, [1, 3, rows, columns]], valid: [valid, [1, 1, rows, columns]]});
  for (let y = tile.top; y < tile.bottom; y++) {
    for (let x = tile.left; x < tile.right; x++) {
      const from = (y - ys[0]) * columns + x - xs[0], at = y * photo.width + x;
      if (!valid[from]) continue;
      const [other, itsKind] = coarser ? doubled(coarser, y, x) : [0, 0];
      found.probability[at] = half(Math.max(damage[from], other));
      found.kinds[at] = other > damage[from] ? itsKind : likeliest(shares, from, size);
    }
  }
}

/** Each pixel with the highest probability of its eight neighbours, and its kind, if that is higher. @param {Seen} seen @returns {Seen} */
function widened(seen) {
  const {height, width, probability, kinds} = seen;
  for (const [length, step, lines, stride] of [[height, width, width, 1], [width, 1, height, width]]) {
    const [old, before] = [probability.slice(), kinds.slice()];
    for (const [first, last, there] of [[1, length, -step], [0, length - 1, step]]) {
      for (let line = 0; line < lines; line++) {
        for (let place = first; place < last; place++) {
          const at = line * stride + place * step;
          if (old[at + there] > probability[at]) [probability[at], kinds[at]] = [old[at + there], before[at + there]];
        }
      }
    }
  }
  return seen;
}

/** @param {Float32Array} shares @param {number} at @param {number} size */
function likeliest(shares, at, size) {
  let best = 0;
  for (let kind = 1; kind < KINDS.length; kind++) if (shares[kind * size + at] > shares[best * size + at]) best = kind;
  return best;
}

/** What was found at half the size, between its places, at a pixel of the full size, with `DOUBT` taken off. @param {Seen} coarser @param {number} y @param {number} x */
function doubled({height, width, probability, kinds}, y, x) {
  const row = (/** @type {number} */ at) => Math.min(height - 1, Math.max(0, at)) * width;
  const column = (/** @type {number} */ at) => Math.min(width - 1, Math.max(0, at));
  const [above, beside] = [y >> 1, x >> 1], [next, after] = [above + (y % 2 ? 1 : -1), beside + (x % 2 ? 1 : -1)];
  const mixed = (/** @type {number} */ at) => 0.75 * probability[row(above) + at] + 0.25 * probability[row(next) + at];
  const value = 0.75 * mixed(column(beside)) + 0.25 * mixed(column(after));
  return [value / (value + (1 - value) * Math.exp(DOUBT)), kinds[row(above) + column(beside)]];
}

/** @param {Picture} photo @returns {Box[]} */
function tilesOf({height, width}) {
  const tiles = [];
  for (let top = 0; top < height; top += TILE_PX) {
    for (let left = 0; left < width; left += TILE_PX) {
      tiles.push({top, left, bottom: Math.min(height, top + TILE_PX), right: Math.min(width, left + TILE_PX)});
    }
  }
  return tiles;
}

/** A value in [0, 1] in half precision. @param {number} value */
function half(value) {
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(value))) - 10);
  return rint(value / step) * step;
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

/** Places of a tile with its halo, and of what makes its side a multiple of `UNIT_PX`, reflected at the border. @param {number} start @param {number} stop @param {number} length */
function placesOf(start, stop, length) {
  const first = Math.max(0, start - HALO_PX), last = Math.min(length, stop + HALO_PX), period = Math.max(1, 2 * (length - 1));
  return Int32Array.from({length: Math.ceil((last - first) / UNIT_PX) * UNIT_PX}, (_, at) => {
    const place = (first + at) % period;
    return length > 1 ? Math.min(place, period - place) : 0;
  });
}
