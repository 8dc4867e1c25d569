// Loads the network once, says how much that is, and makes the page work without a network afterwards.

import {MODEL, WASM} from "./built.js";

const MEGA = 1e6;
const line = document.getElementById("loading");
const total = MODEL.bytes + WASM.bytes;
const size = `${Math.round(total / MEGA)} MB`;

const offline = navigator.serviceWorker
  ? navigator.serviceWorker.register("sw.js").then(() => navigator.serviceWorker.ready).then(() => true, () => false)
  : Promise.resolve(false);

function say(text) {
  line.textContent = text;
}

// `load` is called once, at the start of the page, or with the first photo where the connection is to be spared.
export function loadOnce(load) {
  let loading = null;
  const begin = () => {
    loading ??= load((loaded) => say(`Loading the network, ${size}, once: ${Math.min(100, Math.round((100 * loaded) / total))} %`));
    loading.then(async () => {
      say((await offline) ? "Ready. This page now works without a network." : "Ready.");
      line.dataset.done = "yes";
    }, (error) => {
      loading = null; // the next photo tries again
      say(`The network was not loaded: ${error.message}`);
    });
    return loading;
  };
  if (navigator.connection?.saveData) say(`Loads ${size} with the first photo.`);
  else begin();
  return {begin, get: (signal) => Promise.race([begin(), new Promise((_, stop) => signal?.addEventListener("abort", () => stop(signal.reason)))])};
}
