// How near to known pixels each pixel of a hole lies: the rules of partialconv.inference.confidence.

/** @typedef {import("./planner.js").Grid} Grid */

const KERNELS = [7, 5, 5]; // of the first levels of the network, all of stride 2; then 3
const NUM_LEVELS = 8;

/**
 * 1 at known pixels, 8/9 to 1/9 in the hole, 0 where eight levels do not reach.
 * @param {Grid} hole 1 = hole. @returns {Float32Array} One value a pixel.
 */
export function confidence(hole) {
  const result = new Float32Array(hole.data.length);
  /** @type {number[]} */
  let left = [];
  let known = {...hole, data: hole.data.map((value) => (value ? 0 : 1))};
  hole.data.forEach((value, at) => (value ? left.push(at) : (result[at] = 1)));
  for (let level = 0; level < NUM_LEVELS && left.length; level++) {
    known = reached(known, KERNELS[level] ?? 3);
    left = left.filter((at) => {
      const y = Math.floor(at / hole.width) >> (level + 1), x = at % hole.width >> (level + 1);
      if (!known.data[y * known.width + x]) return true;
      result[at] = 1 - (level + 1) / (NUM_LEVELS + 1);
      return false;
    });
  }
  return result;
}

/** Whether any pixel is known in each window of stride 2; beyond the photo none is. @param {Grid} known @param {number} kernel */
function reached({height, width, data}, kernel) {
  const rows = (height + 1) >> 1, columns = (width + 1) >> 1, reach = kernel >> 1;
  const lines = new Uint8Array(rows * width), result = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let j = Math.max(0, 2 * y - reach); j <= Math.min(height - 1, 2 * y + reach); j++) {
      for (let x = 0; x < width; x++) lines[y * width + x] |= data[j * width + x];
    }
    for (let x = 0; x < columns; x++) {
      for (let i = Math.max(0, 2 * x - reach); i <= Math.min(width - 1, 2 * x + reach); i++) result[y * columns + x] |= lines[y * width + i];
    }
  }
  return {height: rows, width: columns, data: result};
}
