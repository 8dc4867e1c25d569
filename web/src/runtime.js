// The network in onnxruntime-web. The only file that knows of it.

/** @typedef {import("./filler.js").Runtime} Runtime @typedef {"webgpu" | "wasm"} Provider */

const FEATHERED = "feathered"; // output of networks that feather the edge of the hole themselves

export const IN_NODE = typeof process !== "undefined" && Boolean(process.versions?.node);

/**
 * Open a network of `partialconv export`.
 * @param {Uint8Array} model @param {Provider[]} providers Tried in this order.
 * @param {Uint8Array | undefined} wasm The WebAssembly file, where the page has loaded it itself.
 * @returns {Promise<Runtime & {provider: Provider}>}
 */
export async function openRuntime(model, providers, wasm) {
  const reasons = [];
  for (const provider of providers) {
    if (provider === "webgpu" && !(await hasGpu())) continue;
    try {
      return await open(model, provider, wasm);
    } catch (error) {
      reasons.push(`${provider}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(`The network cannot be opened (${reasons.join("; ") || `none of ${providers.join(", ")} is here`}).`);
}

async function hasGpu() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  return Boolean(await gpu?.requestAdapter().catch(() => null));
}

/** @param {Uint8Array} model @param {Provider} provider @param {Uint8Array | undefined} wasm */
async function open(model, provider, wasm) {
  // the WASM build is half as large
  const ort = await (provider === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm"));
  ort.env.logLevel = "error";
  if (IN_NODE) ort.env.wasm.numThreads = 1; // its threads need a page
  if (wasm) ort.env.wasm.wasmBinary = /** @type {any} */ (wasm);
  const session = await ort.InferenceSession.create(model, {executionProviders: [provider]});
  if (session.inputNames.join() !== "image,valid") {
    throw new Error(`it takes ${session.inputNames}, expected image,valid: use a file of \`partialconv export\`.`);
  }
  const [name] = session.outputNames;
  return {
    provider,
    feathered: name === FEATHERED,
    async run(/** @type {Float32Array} */ image, /** @type {Float32Array} */ valid, /** @type {number} */ num, /** @type {number} */ height, /** @type {number} */ width) {
      const results = await session.run({
        image: new ort.Tensor("float32", image, [num, 3, height, width]),
        valid: new ort.Tensor("float32", valid, [num, 1, height, width]),
      });
      return /** @type {Float32Array} */ (results[name].data);
    },
  };
}
