// The colours of a fill kept to the kind of the photo's: the rules of partialconv.inference.tones, for 8 bits.

import {boxesOf, grown} from "./planner.js";
import {rint} from "./scales.js";

/** @typedef {import("./planner.js").Plan} Plan @typedef {import("./planner.js").Grid} Grid */
/** @typedef {import("./planner.js").Box} Box @typedef {import("./scales.js").Picture} Picture */

const NUM_TONES = 64; // steps of brightness
const TONES_A_LEVEL = Math.fround(NUM_TONES / 255);
const CONTEXT_PX = 64; // around a box, to learn from
const ALONE_SHARE = 0.05; // of the known pixels: as many of one colour stand alone
const ALONE_TIMES = 4; // as many as similar ones
const SIMILAR = 6; // largest difference of a channel, in levels
const FEWEST = 64; // known pixels, to learn anything

/** Hold the colours of a fill to those of the known pixels around it, in place. @param {Picture} photo @param {Grid} hole @param {Plan} steps */
export function keepTones(photo, hole, steps) {
  const left = hole.data.slice();
  for (const box of boxesOf(steps)) {
    const places = [];
    for (let y = box.top; y < box.bottom; y++) {
      for (let x = box.left, at = y * photo.width + x; x < box.right; x++, at++) {
        if (left[at]) places.push(at);
        left[at] = 0;
      }
    }
    if (!places.length) continue;
    const known = knownIn(photo, hole, grown(box, CONTEXT_PX, steps.size));
    if (known.length < FEWEST) continue;
    const limits = limitsOf(known), alone = aloneIn(known);
    for (const at of places) {
      const colour = held([photo.data[4 * at], photo.data[4 * at + 1], photo.data[4 * at + 2]], limits);
      photo.data.set(alone.reduce((now, other) => (isSimilar(now, other) ? other : now), colour), 4 * at);
    }
  }
}

/** The colours of the known pixels of a window, 0xrrggbb. @param {Picture} photo @param {Grid} hole @param {Box} window */
function knownIn({data, width}, hole, {top, left, bottom, right}) {
  const known = new Uint32Array((bottom - top) * (right - left));
  let count = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left, at = y * width + x; x < right; x++, at++) {
      if (!hole.data[at]) known[count++] = (data[4 * at] << 16) | (data[4 * at + 1] << 8) | data[4 * at + 2];
    }
  }
  return known.subarray(0, count);
}

/** @param {number} colour */
const channelsOf = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

/** @param {number} brightness */
const toneOf = (brightness) => Math.min(NUM_TONES - 1, Math.floor(Math.fround(brightness * TONES_A_LEVEL)));

/** @param {number} red @param {number} green @param {number} blue */
const brightnessOf = (red, green, blue) => Math.fround((red + green + blue) / 3);

/**
 * A colour with the differences of red and of blue to green within the limits of its brightness.
 * @param {number[]} colour @param {ReturnType<typeof limitsOf>} limits
 */
function held([red, green, blue], {least, largest}) {
  const brightness = brightnessOf(red, green, blue), tone = 2 * toneOf(brightness);
  const differences = [red - green, blue - green];
  const [first, second] = differences.map((value, at) => Math.min(largest[tone + at], Math.max(least[tone + at], value)));
  if (first === differences[0] && second === differences[1]) return [red, green, blue];
  const middle = rint(Math.fround(brightness - Math.fround((first + second) / 3)));
  return [middle + first, middle, middle + second].map((value) => Math.min(255, Math.max(0, value)));
}

/** The least and largest differences of red and of blue to green, for each brightness. @param {Uint32Array} known */
function limitsOf(known) {
  const least = new Float32Array(2 * NUM_TONES).fill(Infinity), largest = new Float32Array(2 * NUM_TONES).fill(-Infinity);
  for (const colour of known) {
    const [red, green, blue] = channelsOf(colour), tone = 2 * toneOf(brightnessOf(red, green, blue));
    [red - green, blue - green].forEach((value, at) => {
      least[tone + at] = Math.min(least[tone + at], value);
      largest[tone + at] = Math.max(largest[tone + at], value);
    });
  }
  return {least: spread(least, Math.min), largest: spread(largest, Math.max)};
}

/**
 * A brightness that nothing has takes the limits of its neighbours, as a neighbour of one that something has does.
 * @param {Float32Array} bound @param {(...values: number[]) => number} pick
 */
function spread(bound, pick) {
  const seen = Array.from({length: NUM_TONES}, (_, tone) => tone).filter((tone) => Number.isFinite(bound[2 * tone]));
  const full = bound.map((_, at) => {
    const tone = at >> 1;
    const nearest = seen.reduce((best, other) => (Math.abs(tone - other) < Math.abs(tone - best) ? other : best));
    return bound[2 * nearest + (at & 1)];
  });
  return full.map((value, at) => pick(value, full[at - 2] ?? value, full[at + 2] ?? value));
}

/** Colours that many known pixels have exactly, and hardly any nearly. @param {Uint32Array} known */
function aloneIn(known) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const colour of known) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const most = Math.max(FEWEST / 2, ALONE_SHARE * known.length);
  const candidates = [...counts].filter(([, count]) => count >= most).sort(([a], [b]) => a - b);
  return candidates.filter(([colour, count]) => {
    const channels = channelsOf(colour);
    let near = 0;
    for (const [other, times] of counts) if (isSimilar(channels, channelsOf(other))) near += times;
    return count > ALONE_TIMES * (near - count);
  }).map(([colour]) => channelsOf(colour));
}

/** @param {number[]} a @param {number[]} b */
const isSimilar = (a, b) => a.every((value, at) => Math.abs(value - b[at]) <= SIMILAR);
