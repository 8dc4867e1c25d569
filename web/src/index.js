// The package: photos filled, and their damage found, in the browser or in node.

import {confidence as confidenceOf} from "./confidence.js";
import {openEngine} from "./engine.js";
import {plan as planOf} from "./planner.js";
import {IN_NODE} from "./runtime.js";
import {startWorker} from "./thread.js";

export {KINDS, STEPS} from "./finder.js";

/** @typedef {import("./planner.js").Plan} Plan @typedef {import("./planner.js").Box} Box @typedef {import("./planner.js").Crop} Crop */
/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./scales.js").Picture} Picture */
/** @typedef {import("./engine.js").Engine} Engine @typedef {import("./engine.js").WorkOptions} WorkOptions */
/** @typedef {import("./runtime.js").Provider} Provider @typedef {import("./finder.js").DamageMap} DamageMap */
/**
 * How a network is loaded. In browsers it works in a worker of its own, unless `worker` is false; in node in this thread.
 * @typedef {import("./engine.js").LoadOptions & {worker?: boolean}} LoadOptions
 */
/**
 * Pixels of a photo: one byte a pixel, of which any but 0 marks it, or a picture of the photo's size in which what is
 * brighter than half is marked.
 * @typedef {Uint8Array | Uint8ClampedArray | Picture} HoleLike
 */

/** @param {import("./engine.js").Work} kind @param {string | URL} url @param {LoadOptions} options @returns {Promise<Engine>} */
function engineOf(kind, url, {worker = !IN_NODE, ...options}) {
  const address = new URL(url, globalThis.location?.href).href;
  return worker ? startWorker(kind, address, options) : openEngine(kind, address, options);
}

/** Fills the holes of photos with a network of `partialconv export`. */
export class Inpainter {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * Load a network. Its file is kept in the browser's cache.
   * @param {string | URL} url Of the ONNX file.
   * @param {LoadOptions} [options]
   */
  static async load(url, options = {}) {
    return new Inpainter(await engineOf("fill", url, options));
  }

  /** What runs the network. */
  get provider() {
    return this.engine.provider;
  }

  /**
   * Fill the hole of a photo. Every pixel outside the hole, and all transparency, is that of the photo.
   * @template {Picture} P
   * @param {P} imageData RGBA, as of a canvas; it is not changed.
   * @param {HoleLike} hole What is marked is filled.
   * @param {WorkOptions} [options] `onProgress` is called with the share that is done, 0 to 1; `signal` ends the fill.
   * @returns {Promise<P>} An `ImageData` where those exist, else an object of the same fields.
   */
  async fill(imageData, hole, options = {}) {
    const {height, width, data} = checked(imageData);
    options.signal?.throwIfAborted();
    const marked = gridOf(hole, height, width);
    if (!marked.data.includes(1)) throw new RangeError("The hole is empty: mark the pixels to fill.");
    checkKnown(marked);
    const filled = await this.engine.work({photo: {height, width, data: new Uint8ClampedArray(data)}, hole: marked}, options);
    const result = typeof ImageData === "undefined" ? filled : new ImageData(filled.data, width, height);
    return /** @type {P} */ (result);
  }

  /** End the worker and free its memory. */
  close() {
    this.engine.close();
  }
}

/** Finds damage with the network `find.onnx`: a proposal to look at, not to fill unseen. */
export class Finder {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * Load the network. Its file is kept in the browser's cache.
   * @param {string | URL} url Of the ONNX file.
   * @param {LoadOptions} [options]
   */
  static async load(url, options = {}) {
    return new Finder(await engineOf("find", url, options));
  }

  /**
   * Find the damage of a photo, at all sensitivities at once.
   * @param {Picture} imageData RGBA, as of a canvas.
   * @param {HoleLike} [unknown] What is marked is unknown already: nothing is found there.
   * @param {WorkOptions} [options] `onProgress` is called with the share that is done, 0 to 1; `signal` ends the work.
   * @returns {Promise<DamageMap>}
   */
  async find(imageData, unknown, options = {}) {
    const {height, width, data} = checked(imageData);
    options.signal?.throwIfAborted();
    const hole = gridOf(unknown ?? new Uint8Array(height * width), height, width);
    return this.engine.work({photo: {height, width, data: new Uint8ClampedArray(data)}, hole}, options);
  }

  /** End the worker and free its memory. */
  close() {
    this.engine.close();
  }
}

/**
 * What a fill of a hole would do: crops and scales, as the planner of the Python package makes them.
 * @param {HoleLike} hole @param {number} height @param {number} width
 * @returns {Plan}
 */
export function plan(hole, height, width) {
  const marked = gridOf(hole, height, width);
  checkKnown(marked);
  return planOf(marked);
}

/**
 * How near to known pixels each pixel lies: 1 at known ones, in the hole 8/9 to 1/9, and 0 where the network sees none.
 * @param {HoleLike} hole @param {number} height @param {number} width
 * @returns {Float32Array} One value a pixel.
 */
export const confidence = (hole, height, width) => confidenceOf(gridOf(hole, height, width));

/** @param {Grid} hole */
function checkKnown({data}) {
  if (!data.includes(0)) throw new RangeError("The hole covers the whole photo: at least one pixel must stay unmasked.");
}

/** @template {Picture} P @param {P} picture @returns {P} */
function checked(picture) {
  const {height, width, data} = picture ?? {};
  if (!(height > 0 && width > 0) || data?.length !== 4 * height * width) {
    throw new TypeError(`The photo has ${data?.length} bytes for ${height}x${width} pixels, expected ImageData: 4 bytes a pixel.`);
  }
  return picture;
}

/** @param {HoleLike} hole @param {number} height @param {number} width @returns {Grid} */
function gridOf(hole, height, width) {
  const data = new Uint8Array(height * width);
  if ("data" in hole) {
    const {data: levels, ...size} = checked(hole);
    if (size.height !== height || size.width !== width) {
      throw new RangeError(`The hole has ${size.height}x${size.width} pixels, expected ${height}x${width}, the size of the photo.`);
    }
    for (let at = 0; at < data.length; at++) {
      data[at] = Number(levels[4 * at] * 299 + levels[4 * at + 1] * 587 + levels[4 * at + 2] * 114 > 127.5 * 1000);
    }
    return {height, width, data};
  }
  if (hole.length !== data.length) throw new RangeError(`The hole has ${hole.length} bytes, expected ${data.length}: one for each pixel.`);
  for (let at = 0; at < data.length; at++) data[at] = Number(hole[at] !== 0);
  return {height, width, data};
}
