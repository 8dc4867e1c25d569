// An open network that fills one photo after another, in the thread that calls it.

import {fillInPlace} from "./filler.js";
import {IN_NODE, openRuntime} from "./runtime.js";
import {loadBytes} from "./weights.js";

/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./scales.js").Picture} Picture */
/** @typedef {import("./runtime.js").Provider} Provider */
/**
 * @typedef {object} LoadOptions
 * @property {string} [sha256] Of the model's file as it is served, in hexadecimal; another file is refused.
 * @property {Provider[]} [providers] Tried in this order; ["webgpu", "wasm"] by default, in node ["wasm"].
 * @property {{url: string, sha256?: string}} [wasm] The WebAssembly file of onnxruntime-web, if the page
 *     serves it itself. This file and the model may be packed by gzip.
 * @property {(loaded: number, total: number) => void} [onProgress] In bytes; the total is 0 where it is not known.
 */

export class Engine {
  /** @param {Awaited<ReturnType<typeof openRuntime>>} runtime */
  constructor(runtime) {
    this.runtime = runtime;
    this.provider = runtime.provider;
    /** @type {Promise<unknown>} */
    this.last = Promise.resolve(); // fills take turns
  }

  /** @param {string | URL} url @param {LoadOptions} [options] */
  static async load(url, {sha256, providers, wasm, onProgress} = {}) {
    const files = [{url, sha256}, ...(wasm ? [wasm] : [])], loaded = files.map(() => 0), totals = files.map(() => 0);
    const [model, binary] = await Promise.all(files.map(async (file, at) => {
      const tell = (/** @type {number} */ now, /** @type {number} */ total) => {
        [loaded[at], totals[at]] = [now, total];
        onProgress?.(sum(loaded), totals.every(Boolean) ? sum(totals) : 0);
      };
      return unpacked(await loadBytes(file.url, {sha256: file.sha256, onProgress: tell}));
    }));
    return new Engine(await openRuntime(model, providers ?? (IN_NODE ? ["wasm"] : ["webgpu", "wasm"]), binary));
  }

  /**
   * @param {Picture} photo Is changed.
   * @param {Grid} hole
   * @param {{signal?: AbortSignal, onProgress?: (share: number) => void}} options
   */
  fill(photo, hole, {signal, onProgress}) {
    const turn = this.last.then(async () => {
      await fillInPlace(this.runtime, photo, hole, async (share) => {
        onProgress?.(share);
        await new Promise((done) => setTimeout(done)); // lets a word to stop come in
        signal?.throwIfAborted();
      });
      return photo;
    });
    this.last = turn.catch(() => {});
    return turn;
  }
}

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** A file packed by gzip, or as it is. @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
