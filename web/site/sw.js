// The service worker: the files of the page come from the browser's cache, so that it works without a network.
// The network and its runtime are kept by the page itself, see weights.js.

const FILES = ["FILES"]; // filled in by the build
const CACHE = "partialconv-page-VERSION";

self.addEventListener("install", (event) => {
  // past the browser's own cache: all files are of one version
  const requests = FILES.map((file) => new Request(file, {cache: "reload"}));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith("partialconv-page-") && name !== CACHE;
  const clean = caches.keys().then((names) => Promise.all(names.filter(isOld).map((name) => caches.delete(name))));
  event.waitUntil(clean.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const found = (await cache.match(request, {ignoreSearch: true})) ?? (await fetch(request));
  if (!found.ok || new URL(found.url || request.url).origin !== location.origin) return found;
  // with these two a page may use threads, which file hosts do not know
  const headers = new Headers(found.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(found.body, {status: found.status, statusText: found.statusText, headers});
}
