// The worker: loads the network and fills, one photo after another, so that the page stays quick.

import {Engine} from "./engine.js";

/** @type {Promise<Engine> | undefined} */
let engine;
/** @type {Map<number, AbortController>} */
const running = new Map();

/** @param {any} message @param {Transferable[]} [moved] */
const post = (message, moved = []) => /** @type {any} */ (globalThis).postMessage(message, moved);

addEventListener("message", async ({data: {id, work, ...given}}) => {
  if (work === "stop") return running.get(id)?.abort();
  const controller = new AbortController();
  running.set(id, controller);
  try {
    if (work === "load") {
      const onProgress = (/** @type {number} */ loaded, /** @type {number} */ total) => post({id, progress: [loaded, total]});
      engine = Engine.load(given.url, {...given.options, onProgress});
      post({id, result: (await engine).provider});
    } else {
      const signal = controller.signal, onProgress = (/** @type {number} */ share) => post({id, progress: [share]});
      const filled = await (await /** @type {Promise<Engine>} */ (engine)).fill(given.photo, given.hole, {signal, onProgress});
      post({id, result: filled}, [filled.data.buffer]);
    }
  } catch (error) {
    const {name, message} = /** @type {Error} */ (error);
    post({id, error: {name, message}});
  } finally {
    running.delete(id);
  }
});
