// The worker: loads a network and works on one photo after another, so that the page stays quick.

import {openEngine} from "./engine.js";

/** @typedef {import("./engine.js").Engine} Engine */

/** @type {Engine} */
let engine;
/** @type {Map<number, AbortController>} */
const running = new Map();

/** @param {any} message @param {Transferable[]} [moved] */
const post = (message, moved = []) => /** @type {any} */ (globalThis).postMessage(message, moved);

addEventListener("message", async ({data: {id, load, work, stop}}) => {
  if (stop) return running.get(id)?.abort();
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const onProgress = (/** @type {number[]} */ ...progress) => post({id, progress});
    if (load) {
      engine = await openEngine(load.kind, load.url, {...load.options, onProgress});
      post({id, result: engine.provider});
    } else {
      const result = await engine.work(work, {signal: controller.signal, onProgress});
      post({id, result}, Object.values(result).flatMap((value) => (ArrayBuffer.isView(value) ? [/** @type {ArrayBuffer} */ (value.buffer)] : [])));
    }
  } catch (error) {
    const {name, message} = /** @type {Error} */ (error);
    post({id, error: {name, message}});
  } finally {
    running.delete(id);
  }
});
