// The package: photos filled in the browser, or in node.

import {confidence as confidenceOf} from "./confidence.js";
import {Engine} from "./engine.js";
import {plan as planOf} from "./planner.js";
import {IN_NODE} from "./runtime.js";

/** @typedef {import("./planner.js").Plan} Plan @typedef {import("./planner.js").Box} Box @typedef {import("./planner.js").Crop} Crop */
/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./scales.js").Picture} Picture */
/** @typedef {import("./engine.js").LoadOptions} LoadOptions @typedef {import("./runtime.js").Provider} Provider */
/**
 * The pixels to fill: one byte a pixel, of which any but 0 means "fill", or a picture of the photo's size in which what
 * is brighter than half is filled.
 * @typedef {Uint8Array | Uint8ClampedArray | Picture} HoleLike
 */
/** @typedef {{signal?: AbortSignal, onProgress?: (share: number) => void}} FillOptions */

/** Fills the holes of photos with a network of `partialconv export`. */
export class Inpainter {
  /** @param {{fill: (photo: Picture, hole: Grid, options: FillOptions) => Promise<Picture>, provider: Provider, close: () => void}} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * Load a network: in browsers in a worker of its own, unless `worker` is false; in node in this thread.
   * The file is kept in the browser's cache.
   * @param {string | URL} url Of the ONNX file.
   * @param {LoadOptions & {worker?: boolean}} [options]
   * @returns {Promise<Inpainter>}
   */
  static async load(url, {worker = !IN_NODE, ...options} = {}) {
    const address = new URL(url, globalThis.location?.href).href;
    if (worker) return new Inpainter(await startWorker(address, options));
    const engine = await Engine.load(address, options);
    return new Inpainter({fill: engine.fill.bind(engine), provider: engine.provider, close: () => {}});
  }

  /** What runs the network. */
  get provider() {
    return this.engine.provider;
  }

  /**
   * Fill the hole of a photo. Every pixel outside the hole, and all transparency, is that of the photo.
   * @template {Picture} P
   * @param {P} imageData RGBA, as of a canvas; it is not changed.
   * @param {HoleLike} hole
   * @param {FillOptions} [options] `onProgress` is called with the share that is done, 0 to 1; `signal` ends the fill.
   * @returns {Promise<P>} An `ImageData` where those exist, else an object of the same fields.
   */
  async fill(imageData, hole, {signal, onProgress} = {}) {
    const {height, width, data} = checked(imageData);
    signal?.throwIfAborted();
    const marked = gridOf(hole, height, width);
    const some = marked.data.includes(1);
    if (!some) throw new RangeError("The hole is empty: mark the pixels to fill.");
    if (!marked.data.includes(0)) throw new RangeError("The hole covers the whole photo: at least one pixel must stay unmasked.");
    const filled = await this.engine.fill({height, width, data: Uint8ClampedArray.from(data)}, marked, {signal, onProgress});
    const result = typeof ImageData === "undefined" ? filled : new ImageData(/** @type {any} */ (filled.data), width, height);
    return /** @type {P} */ (/** @type {unknown} */ (result));
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
  if (!marked.data.includes(0)) throw new RangeError("The hole covers the whole photo: at least one pixel must stay unmasked.");
  return planOf(marked);
}

/**
 * How near to known pixels each pixel lies: 1 at known ones, in the hole 8/9 to 1/9, and 0 where the network sees none.
 * @param {HoleLike} hole @param {number} height @param {number} width
 * @returns {Float32Array} One value a pixel.
 */
export const confidence = (hole, height, width) => confidenceOf(gridOf(hole, height, width));

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

/** @param {string} url @param {LoadOptions} options */
async function startWorker(url, {onProgress, ...options}) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), {type: "module"});
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: unknown) => void, tell?: (...values: number[]) => void}>} */
  const asked = new Map();
  let last = 0;
  const fail = (/** @type {Error} */ error) => {
    for (const {reject} of asked.values()) reject(error);
    asked.clear();
  };
  worker.onerror = (event) => fail(new Error(`The worker cannot be started: ${event.message ?? "its file is missing"}.`));
  worker.onmessage = ({data: {id, result, error, progress}}) => {
    const one = asked.get(id);
    if (!one) return;
    if (progress) return one.tell?.(...progress);
    asked.delete(id);
    if (error) one.reject(Object.assign(new Error(error.message), {name: error.name}));
    else one.resolve(result);
  };
  /** @param {object} message @param {((...values: number[]) => void) | undefined} tell @param {Transferable[]} [moved] @param {AbortSignal} [signal] */
  const ask = (message, tell, moved = [], signal) => new Promise((resolve, reject) => {
    const id = ++last;
    asked.set(id, {resolve, reject, tell});
    worker.postMessage({id, ...message}, moved);
    signal?.addEventListener("abort", () => {
      worker.postMessage({id, work: "stop"});
      if (asked.delete(id)) reject(signal.reason); // at once: the worker stops after the crop that it fills
    });
  });
  try {
    const provider = await ask({work: "load", url, options: absolute(options)}, onProgress);
    return {
      provider,
      fill: (/** @type {Picture} */ photo, /** @type {Grid} */ hole, /** @type {FillOptions} */ {signal, onProgress: tell}) =>
        ask({work: "fill", photo, hole}, tell, [photo.data.buffer], signal),
      close() {
        worker.terminate();
        fail(new Error("The inpainter was closed."));
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** Addresses of the page, for the worker, which lies elsewhere. @param {LoadOptions} options */
const absolute = ({wasm, ...rest}) => ({...rest, wasm: wasm && {...wasm, url: new URL(wasm.url, location.href).href}});
