// The edge of a hole, made to fit the photo, for networks that do not do it themselves: partialconv.inference.feather.

const STRENGTH = 2;
const LARGEST = 0.9;

/**
 * Mix the pixels of the hole that touch known ones with the mean of those, in place.
 * @param {Float32Array} output What the network gives, (3, H, W).
 * @param {Float32Array} image What it was given, (3, H, W), 0 under the hole.
 * @param {Float32Array} valid 1 = known, 0 = hole, (H, W).
 * @param {number} height @param {number} width
 */
export function feather(output, image, valid, height, width) {
  const share = blurred(valid, height, width), size = height * width;
  for (let channel = 0; channel < 3; channel++) {
    const known = blurred(image.subarray(channel * size, (channel + 1) * size), height, width);
    for (let at = 0, to = channel * size; at < size; at++, to++) {
      const mean = known[at] / Math.max(share[at], 1 / 16);
      output[to] += (mean - output[to]) * Math.min(share[at] * STRENGTH, LARGEST);
    }
  }
}

/** Binomial filter of 3x3 pixels, beyond the border zeros. @param {Float32Array} map @param {number} height @param {number} width */
function blurred(map, height, width) {
  const rows = new Float32Array(map.length), result = new Float32Array(map.length);
  for (let at = 0; at < map.length; at++) {
    rows[at] = ((map[at - width] ?? 0) + (map[at + width] ?? 0)) / 4 + map[at] / 2;
  }
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const left = x > 0 ? rows[at - 1] : 0, right = x < width - 1 ? rows[at + 1] : 0;
      result[at] = (left + right) / 4 + rows[at] / 2;
    }
  }
  return result;
}
