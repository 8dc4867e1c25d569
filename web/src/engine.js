// A network that works on one photo after another, in the thread that calls it.

import {fillInPlace} from "./filler.js";
import {scan, thresholdIn} from "./finder.js";
import {openSession} from "./runtime.js";
import {loadBytes, unpacked} from "./weights.js";

/** @typedef {import("./planner.js").Grid} Grid @typedef {import("./scales.js").Picture} Picture */
/** @typedef {import("./runtime.js").Provider} Provider @typedef {import("./finder.js").DamageMap} DamageMap */
/**
 * @typedef {object} LoadOptions
 * @property {string} [sha256] Of the model's file as it is served, in hexadecimal; another file is refused.
 * @property {Provider[]} [providers] Tried in this order; by default ["webgpu", "wasm"] where there is a GPU, else ["wasm"].
 * @property {{url: string, sha256?: string}} [wasm] The WebAssembly file of onnxruntime-web, if the page
 *     serves it itself. This file and the model may be packed by gzip.
 * @property {(loaded: number, total: number) => void} [onProgress] In bytes; the total is 0 where it is not known.
 */
/** @typedef {"fill" | "find"} Work */
/** @typedef {{photo: Picture, hole: Grid}} Given */
/** @typedef {{signal?: AbortSignal, onProgress?: (share: number) => void}} WorkOptions */
/**
 * Whatever does the work: in this thread, or in a worker.
 * @typedef {object} Engine
 * @property {Provider} provider
 * @property {(given: Given, options: WorkOptions) => Promise<any>} work
 * @property {() => void} close
 */

/** @param {Work} kind @param {string} url @param {LoadOptions} options @returns {Promise<Engine>} */
export async function openEngine(kind, url, {sha256, providers, wasm, onProgress}) {
  const files = [{url, sha256}, ...(wasm ? [wasm] : [])], loaded = files.map(() => 0), totals = files.map(() => 0);
  const [model, binary] = await Promise.all(files.map(async (file, at) => {
    const onBytes = (/** @type {number} */ now, /** @type {number} */ total) => {
      [loaded[at], totals[at]] = [now, total];
      onProgress?.(sum(loaded), totals.every(Boolean) ? sum(totals) : 0);
    };
    return unpacked(await loadBytes(file.url, {sha256: file.sha256, onProgress: onBytes}));
  }));
  const session = await openSession(model, providers, binary);
  /** @type {(given: Given, tell: (share: number) => Promise<void>) => Promise<unknown>} */
  const work = kind === "fill" ? fillWith(session) : findWith(session, thresholdIn(model));
  /** @type {Promise<unknown>} */
  let last = Promise.resolve(); // photos take turns
  return {
    provider: session.provider,
    work(given, {signal, onProgress: tell}) {
      const turn = last.then(() => work(given, async (share) => {
        tell?.(share);
        await new Promise((done) => setTimeout(done)); // lets a word to stop come in
        signal?.throwIfAborted();
      }));
      last = turn.catch(() => {});
      return turn;
    },
    close() {},
  };
}

/** @param {import("./runtime.js").Session} session */
function fillWith(session) {
  const [name] = session.outputs;
  const runtime = {
    feathered: name === "feathered", // such networks feather the edge of the hole themselves
    async run(/** @type {Float32Array} */ image, /** @type {Float32Array} */ valid, /** @type {number} */ num, /** @type {number} */ height, /** @type {number} */ width) {
      return (await session.run({image: [image, [num, 3, height, width]], valid: [valid, [num, 1, height, width]]}))[name];
    },
  };
  return async (/** @type {Given} */ {photo, hole}, /** @type {(share: number) => Promise<void>} */ tell) => {
    await fillInPlace(runtime, photo, hole, tell);
    return photo;
  };
}

/** @param {import("./runtime.js").Session} session @param {number} threshold */
const findWith = (session, threshold) =>
  (/** @type {Given} */ {photo, hole}, /** @type {(share: number) => Promise<void>} */ tell) => scan(session, threshold, photo, hole, tell);

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);
