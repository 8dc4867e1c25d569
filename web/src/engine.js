// An open network that fills one photo after another, in the thread that calls it.

import {fillInPlace} from "./filler.js";
import {openRuntime} from "./runtime.js";
import {loadBytes} from "./weights.js";

/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./scales.js").Picture} Picture */
/** @typedef {import("./runtime.js").Provider} Provider */
/**
 * @typedef {object} LoadOptions
 * @property {string} [sha256] Of the model's file, in hexadecimal; another file is refused.
 * @property {Provider[]} [providers] Tried in this order; ["webgpu", "wasm"] by default, in node ["wasm"].
 * @property {{url: string, sha256?: string}} [wasm] The WebAssembly file of onnxruntime-web, perhaps packed by gzip (.gz).
 * @property {(loaded: number, total: number) => void} [onProgress] Bytes of the model; the total is 0 where it is not known.
 */

const IN_NODE = typeof process !== "undefined" && Boolean(process.versions?.node);

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
    const model = await loadBytes(url, {sha256, onProgress});
    const binary = wasm && (await unpacked(wasm.url, await loadBytes(wasm.url, {sha256: wasm.sha256})));
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

/** @param {string} url @param {Uint8Array<ArrayBuffer>} bytes */
async function unpacked(url, bytes) {
  // hosts may have unpacked it on the way
  if (!url.endsWith(".gz") || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
