// From a photo and a hole to a filled photo, by the plan: the rules of partialconv.inference.inpainter.

import {feather} from "./feather.js";
import {halvedHole, cut, numPixels, plan, shapeOf} from "./planner.js";
import {cropped, halved, rint, takeDeep} from "./scales.js";
import {keepTones} from "./tones.js";

/** @typedef {import("./planner.js").Plan} Plan @typedef {import("./planner.js").Grid} Grid */
/** @typedef {import("./planner.js").Crop} Crop @typedef {import("./scales.js").Picture} Picture */
/**
 * What runs the network on `num` crops of one shape. `image` is (N, 3, H, W) in [0, 1], 0 under the hole; `valid` is
 * (N, 1, H, W), 1 = known. It answers with (N, 3, H, W), exactly 0.5 where the network reached no known pixel.
 * @typedef {{feathered: boolean, run: (image: Float32Array, valid: Float32Array, num: number, height: number, width: number) => Promise<Float32Array>}} Runtime
 * @typedef {[number, number, number, number]} Margins At the top, left, bottom and right, in pixels.
 */

const UNCLOSED = 0.5; // what the network gives where it reached no known pixel
const MIRROR_PX = 16;
const NEAR_PX = 8; // holes nearer to the border see its mirror image

/**
 * Fill a photo in place; only pixels of the hole change, and never their alpha.
 * @param {Runtime} runtime @param {Picture} photo @param {Grid} hole
 * @param {(share: number) => void | Promise<void>} tell Called with the share that is done; what it throws ends the fill.
 */
export async function fillInPlace(runtime, photo, hole, tell) {
  const steps = plan(hole), total = Math.max(1, numPixels(steps));
  let done = 0;
  await tell(0);
  await follow(runtime, steps, photo, hole, async (batch) => {
    for (const {window} of batch) done += (window.bottom - window.top) * (window.right - window.left);
    await tell(Math.min(1, done / total));
  });
  keepTones(photo, hole, steps);
}

/**
 * @param {Runtime} runtime @param {Plan} steps @param {Picture} photo @param {Grid} hole
 * @param {(batch: Crop[]) => Promise<void>} ran
 */
async function follow(runtime, steps, photo, hole, ran) {
  const left = {...hole, data: hole.data.slice()};
  if (steps.coarser && steps.deep && steps.region) {
    const part = cut(hole, steps.region), coarse = halved(cropped(photo, steps.region), part);
    await follow(runtime, steps.coarser, coarse, halvedHole(part), ran);
    takeDeep(coarse, steps.deep, steps.region, photo, left);
  }
  for (let before = Infinity, now = count(left); now; before = now, now = count(left)) {
    if (now === before) throw new Error(`The network gave nothing for ${now} pixels; nothing was filled.`);
    for (const batch of steps.batches) {
      await runBatch(runtime, batch, photo, left);
      await ran(batch);
    }
  }
}

/** @param {Grid} grid */
const count = ({data}) => data.reduce((sum, value) => sum + value, 0);

/**
 * Fill what is left of the hole in some crops as far as the network reaches, in place.
 * @param {Runtime} runtime @param {Crop[]} batch @param {Picture} photo @param {Grid} left
 */
async function runBatch(runtime, batch, photo, left) {
  const open = batch.filter(({box}) => count(cut(left, box)));
  /** @type {Map<string, {margins: Margins, crops: Crop[]}>} */
  const groups = new Map();
  for (const crop of open) {
    const margins = marginsOf(crop, photo), key = margins.join();
    if (!groups.has(key)) groups.set(key, {margins, crops: []});
    groups.get(key)?.crops.push(crop);
  }
  const made = [];
  for (const {margins, crops} of groups.values()) made.push(...(await outputsOf(runtime, crops, margins, photo, left)));
  for (const {crop, output, reached} of made) put(crop, output, reached, photo, left);
}

/**
 * How much mirror image continues a crop at the top, left, bottom and right: beyond the border of a photo nothing is
 * known, and in small crops with a hole in a corner, too little.
 * @param {Crop} crop @param {Picture} photo @returns {Margins}
 */
function marginsOf({box}, {height, width}) {
  const [top, left, bottom, right] = [box.top, box.left, height - box.bottom, width - box.right].map((px) => (px < NEAR_PX ? MIRROR_PX : 0));
  return [top, left, bottom, right];
}

/**
 * What the network gives for crops of one shape, and where it reached known pixels.
 * @param {Runtime} runtime @param {Crop[]} crops @param {Margins} margins Of mirror image.
 * @param {Picture} photo @param {Grid} left
 */
async function outputsOf(runtime, crops, [top, before, bottom, after], photo, left) {
  const [height, width] = shapeOf(crops[0].window), size = height * width;
  const inputs = crops.map(({window}) => inputOf(window, photo, left));
  const rows = mirrored(height, top, bottom), columns = mirrored(width, before, after), wide = rows.length * columns.length;
  const image = new Float32Array(3 * wide * crops.length), valid = new Float32Array(wide * crops.length);
  inputs.forEach((input, number) => {
    for (let channel = 0; channel < 3; channel++) {
      gather(input.image, channel * size, width, rows, columns, image, (3 * number + channel) * wide);
    }
    gather(input.valid, 0, width, rows, columns, valid, number * wide);
  });
  const all = await runtime.run(image, valid, crops.length, rows.length, columns.length);
  if (!all.every(Number.isFinite)) throw new Error("The network gave values that are not finite; nothing was filled.");
  return crops.map((crop, number) => {
    const output = new Float32Array(3 * size), reached = new Uint8Array(size);
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < height; y++) {
        const from = (3 * number + channel) * wide + (y + top) * columns.length + before;
        output.set(all.subarray(from, from + width), channel * size + y * width);
      }
    }
    for (let at = 0; at < output.length; at++) if (output[at] !== UNCLOSED) reached[at % size] = 1;
    if (!runtime.feathered) feather(output, inputs[number].image, inputs[number].valid, height, width);
    return {crop, output, reached};
  });
}

/** @param {Crop["window"]} window @param {Picture} photo @param {Grid} left */
function inputOf(window, photo, left) {
  const [height, width] = shapeOf(window), size = height * width;
  const image = new Float32Array(3 * size), valid = new Float32Array(size);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, at = (window.top + y) * photo.width + window.left; x < width; x++, at++, to++) {
      if (left.data[at]) continue;
      valid[to] = 1;
      for (let channel = 0; channel < 3; channel++) image[channel * size + to] = photo.data[4 * at + channel] / 255;
    }
  }
  return {image, valid};
}

/** Put what was reached of a crop's box into the photo. @param {Crop} crop @param {Float32Array} output @param {Uint8Array} reached @param {Picture} photo @param {Grid} left */
function put({box, window}, output, reached, photo, left) {
  const width = window.right - window.left, size = reached.length;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const at = y * photo.width + x, from = (y - window.top) * width + x - window.left;
      if (!left.data[at] || !reached[from]) continue;
      for (let channel = 0; channel < 3; channel++) {
        const value = Math.min(1, Math.max(0, output[channel * size + from]));
        photo.data[4 * at + channel] = rint(Math.fround(value * 255));
      }
      left.data[at] = 0;
    }
  }
}

/**
 * Copy the pixels at some rows and columns of a map.
 * @param {Float32Array} map @param {number} start @param {number} width @param {Int32Array} rows @param {Int32Array} columns
 * @param {Float32Array} into @param {number} at
 */
function gather(map, start, width, rows, columns, into, at) {
  for (const row of rows) for (const column of columns) into[at++] = map[start + row * width + column];
}

/** The places of a line with its mirror image before and after it. @param {number} length @param {number} before @param {number} after */
function mirrored(length, before, after) {
  return Int32Array.from({length: before + length + after}, (_, at) => {
    const place = (((at - before) % (2 * length)) + 2 * length) % (2 * length);
    return Math.min(place, 2 * length - 1 - place);
  });
}
