// An engine in a worker, seen from the page.

/** @typedef {import("./engine.js").Engine} Engine @typedef {import("./engine.js").Work} Work */
/** @typedef {import("./engine.js").LoadOptions} LoadOptions @typedef {import("./engine.js").WorkOptions} WorkOptions */

/** @param {Work} kind @param {string} url @param {LoadOptions} options @returns {Promise<Engine>} */
export async function startWorker(kind, url, {onProgress, wasm, ...rest}) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), {type: "module"});
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: unknown) => void, tell?: (...values: any[]) => void}>} */
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
  /** @param {object} message @param {WorkOptions["onProgress"] | LoadOptions["onProgress"]} tell @param {Transferable[]} [moved] @param {AbortSignal} [signal] */
  const ask = (message, tell, moved = [], signal) => new Promise((resolve, reject) => {
    const id = ++last;
    asked.set(id, {resolve, reject, tell});
    worker.postMessage({id, ...message}, moved);
    signal?.addEventListener("abort", () => {
      worker.postMessage({id, stop: true});
      if (asked.delete(id)) reject(signal.reason); // at once: the worker stops after the crop that it is at
    });
  });
  try {
    // addresses of the page, for the worker lies elsewhere
    const options = {...rest, wasm: wasm && {...wasm, url: new URL(wasm.url, location.href).href}};
    const provider = await ask({load: {kind, url, options}}, onProgress);
    return {
      provider,
      work: (work, {signal, onProgress: tell}) => ask({work}, tell, [work.photo.data.buffer], signal),
      close() {
        worker.terminate();
        fail(new Error("It was closed."));
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
