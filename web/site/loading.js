// Loads the networks once, says how much that is, and makes the page work without a network afterwards.

import {FIND, MODEL, WASM} from "./built.js";

const $ = (id) => document.getElementById(id);
const total = [MODEL, WASM, FIND].reduce((sum, {bytes}) => sum + bytes, 0);
const size = `${Math.round(total / 1e6)} MB`;

const offline = navigator.serviceWorker
  ? navigator.serviceWorker.register("sw.js").then(() => navigator.serviceWorker.ready).then(() => true, () => false)
  : Promise.resolve(false);

// `load` is called once, at the start of the page, or with the first photo where the connection is to be spared.
export function loadOnce(load) {
  let loading = null, awaited = false;
  const say = (text) => {
    $("loading").textContent = text;
    if (!awaited) return;
    $("message").textContent = text; // the page's own place for messages, while somebody waits
    $("message").classList.add("shown");
  };
  const begin = () => {
    if (loading) return loading;
    loading = load((bytes) => say(`Loading ${size}, once: ${Math.min(100, Math.round((100 * bytes) / total))} %`));
    loading.then(async () => {
      awaited = false;
      say((await offline) ? "Ready. This page now works without a network." : "Ready.");
    }, (error) => {
      loading = null; // the next photo tries again
      awaited = false;
      say(`It was not loaded: ${error.message}`);
    });
    return loading;
  };
  if (navigator.connection?.saveData) say(`Loads ${size} with the first photo.`);
  else begin();
  return {
    begin,
    get(signal) {
      awaited = true;
      return Promise.race([begin(), new Promise((_, stop) => signal?.addEventListener("abort", () => stop(signal.reason)))]);
    },
  };
}
