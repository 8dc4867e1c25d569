// Networks in onnxruntime-web. The only file that knows of it.

/** @typedef {"webgpu" | "wasm"} Provider */
/**
 * An open network. `run` takes values and their shape by name, and gives values by name.
 * @typedef {object} Session
 * @property {Provider} provider
 * @property {readonly string[]} outputs Their names.
 * @property {(inputs: Record<string, [Float32Array, number[]]>) => Promise<Record<string, Float32Array>>} run
 */

export const IN_NODE = typeof process !== "undefined" && Boolean(process.versions?.node);

/**
 * Open a network that takes an image and its known pixels.
 * @param {Uint8Array} model Its file.
 * @param {Provider[]} [providers] Tried in this order; WASM alone where there is no GPU.
 * @param {Uint8Array} [wasm] The WebAssembly file, where the page has loaded it itself.
 * @returns {Promise<Session>}
 */
export async function openSession(model, providers, wasm) {
  const reasons = [];
  for (const provider of providers ?? ((await hasGpu()) ? ["webgpu", "wasm"] : ["wasm"])) {
    try {
      return await open(model, provider, wasm);
    } catch (error) {
      reasons.push(`${provider}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(`The network cannot be opened (${reasons.join("; ") || "no provider is named"}).`);
}

async function hasGpu() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter); // on the processor WASM is quicker
}

/** @param {Uint8Array} model @param {Provider} provider @param {Uint8Array | undefined} wasm @returns {Promise<Session>} */
async function open(model, provider, wasm) {
  // the WASM build is half as large
  const ort = await (provider === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm"));
  ort.env.logLevel = "error";
  if (IN_NODE) ort.env.wasm.numThreads = 1; // its threads need a page
  if (wasm) ort.env.wasm.wasmBinary = /** @type {any} */ (wasm);
  const session = await ort.InferenceSession.create(model, {executionProviders: [provider], logSeverityLevel: 3});
  if (session.inputNames.join() !== "image,valid") {
    throw new Error(`it takes ${session.inputNames}, expected image,valid: use a file of \`partialconv export\`.`);
  }
  return {
    provider,
    outputs: session.outputNames,
    async run(inputs) {
      const tensors = Object.entries(inputs).map(([name, [values, shape]]) => [name, new ort.Tensor("float32", values, shape)]);
      const results = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(Object.entries(results).map(([name, {data}]) => [name, /** @type {Float32Array} */ (data)]));
    },
  };
}
