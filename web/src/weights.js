// Files from any address: loaded once, kept in the browser's cache, and checked against their hash each time.

const CACHE = "partialconv-weights";

/**
 * The bytes of a file.
 * @param {string | URL} url In node also file: addresses.
 * @param {object} [options]
 * @param {string} [options.sha256] Of the file as it is served, in hexadecimal; another file is refused.
 * @param {AbortSignal} [options.signal]
 * @param {(loaded: number, total: number) => void} [options.onProgress] In bytes; the total is 0 where it is not known.
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function loadBytes(url, {sha256, signal, onProgress} = {}) {
  const address = new URL(url, globalThis.location?.href);
  const cache = await openCache(address);
  const kept = await cache?.match(address.href);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if (!sha256 || (await hashOf(bytes)) === sha256) {
      onProgress?.(bytes.length, bytes.length);
      return bytes;
    }
    await cache?.delete(address.href); // of an earlier version
  }
  const bytes = await fetchBytes(address, signal, onProgress);
  const found = sha256 && (await hashOf(bytes));
  if (found !== sha256 && sha256) {
    throw new Error(`${address.href} has the SHA-256 ${found}, expected ${sha256}: the file is damaged, or another version.`);
  }
  // a full disk or a private window must not stop a fill
  await cache?.put(address.href, new Response(bytes, {headers: {"Content-Type": "application/octet-stream"}})).catch(() => {});
  return bytes;
}

/** @param {URL} address */
async function openCache({protocol}) {
  if (!protocol.startsWith("http") || !globalThis.caches) return null; // no secure context, or not a browser
  return globalThis.caches.open(CACHE).catch(() => null);
}

/** @param {URL} address @param {AbortSignal} [signal] @param {(loaded: number, total: number) => void} [tell] */
async function fetchBytes(address, signal, tell) {
  if (address.protocol === "file:") {
    const name = "node:fs/promises"; // by name, so that no bundler looks for it
    const {readFile} = await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
    return new Uint8Array(await readFile(address));
  }
  const response = await fetch(address, {signal});
  if (!response.ok || !response.body) throw new Error(`${address.href} cannot be loaded: the server answered ${response.status}.`);
  // a compressed answer is longer when it is unpacked
  const total = response.headers.get("Content-Encoding") ? 0 : Number(response.headers.get("Content-Length") ?? 0);
  const pieces = [], reader = response.body.getReader();
  let loaded = 0;
  for (;;) {
    const {value} = await reader.read();
    if (!value) break;
    pieces.push(value);
    loaded += value.length;
    tell?.(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  pieces.reduce((at, piece) => (bytes.set(piece, at), at + piece.length), 0);
  return bytes;
}

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<string>} Hexadecimal. */
async function hashOf(bytes) {
  if (!globalThis.crypto?.subtle) throw new Error("The browser checks hashes only on https pages and on this computer (localhost).");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A file that was packed by gzip, or one that was not. @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
