// Photos at half and at double size: the rules of partialconv.inference.scales. Pictures are RGBA, one byte a channel.

import {BLOCK_PX} from "./planner.js";

/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./planner.js").Box} Box */
/**
 * A picture of four bytes a pixel, as `ImageData` is.
 * @typedef {{height: number, width: number, data: Uint8ClampedArray | Uint8Array}} Picture
 */

/** To the nearest integer, and halves to the even one, as NumPy rounds. @param {number} value */
export function rint(value) {
  const low = Math.floor(value), rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

/** A part of a picture. @param {Picture} picture @param {Box} box @returns {Picture} */
export function cropped(picture, box) {
  const height = box.bottom - box.top, width = box.right - box.left, data = new Uint8ClampedArray(4 * height * width);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((box.top + y) * picture.width + box.left);
    data.set(picture.data.subarray(from, from + 4 * width), 4 * y * width);
  }
  return {height, width, data};
}

/**
 * A picture at half the size: each pixel is the mean of the known ones of its four, 0 where there is none.
 * @param {Picture} picture @param {Grid} hole 1 = unknown. @returns {Picture}
 */
export function halved({height, width, data}, hole) {
  const rows = (height + 1) >> 1, columns = (width + 1) >> 1, result = new Uint8ClampedArray(4 * rows * columns);
  for (let y = 0, to = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, to += 4) {
      let count = 0, red = 0, green = 0, blue = 0;
      for (let j = 2 * y; j < Math.min(height, 2 * y + 2); j++) {
        for (let i = 2 * x; i < Math.min(width, 2 * x + 2); i++) {
          const at = j * width + i;
          if (hole.data[at]) continue;
          count++;
          [red, green, blue] = [red + data[4 * at], green + data[4 * at + 1], blue + data[4 * at + 2]];
        }
      }
      const share = Math.max(1, count);
      [result[to], result[to + 1], result[to + 2], result[to + 3]] = [rint(red / share), rint(green / share), rint(blue / share), 255];
    }
  }
  return {height: rows, width: columns, data: result};
}

/**
 * Put the deep pixels of the doubled `coarse`, bilinear, into a photo, and take them off what is left of its hole.
 * @param {Picture} coarse @param {Grid} deep @param {Box} region @param {Picture} photo @param {Grid} left
 */
export function takeDeep(coarse, deep, region, photo, left) {
  for (let y = region.top; y < region.bottom; y++) {
    const [above, below, a] = taps(y - region.top, coarse.height);
    const blocks = Math.floor(y / BLOCK_PX) * deep.width;
    for (let x = region.left; x < region.right; x++) {
      if (!deep.data[blocks + Math.floor(x / BLOCK_PX)]) continue;
      const [before, after, b] = taps(x - region.left, coarse.width), at = y * photo.width + x;
      for (let channel = 0; channel < 3; channel++) {
        const value = (/** @type {number} */ row, /** @type {number} */ column) => coarse.data[4 * (row * coarse.width + column) + channel];
        const first = value(above, before) * (1 - a) + value(below, before) * a;
        const second = value(above, after) * (1 - a) + value(below, after) * a;
        photo.data[4 * at + channel] = rint(first * (1 - b) + second * b);
      }
      left.data[at] = 0;
    }
  }
}

/** The two pixels of half the size whose mixture a pixel is, and the weight of the second. @param {number} at @param {number} size */
function taps(at, size) {
  const position = (at - 0.5) / 2, first = Math.floor(position);
  return [Math.min(size - 1, Math.max(0, first)), Math.min(size - 1, first + 1), position - first];
}
