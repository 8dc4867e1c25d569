// Reads the vectors that benchmarks/web_vectors.py writes.

import {readFileSync} from "node:fs";
import {gunzipSync} from "node:zlib";

export const MODEL = new URL("../../src/partialconv/zoo/half.onnx", import.meta.url);

export const vectors = (name) => JSON.parse(gunzipSync(readFileSync(new URL(`vectors/${name}.json.gz`, import.meta.url))));

// A map of one byte a pixel from its run lengths, zeros first.
export function unrun(runs, [height, width]) {
  const data = new Uint8Array(height * width);
  runs.reduce((at, length, number) => (data.fill(number % 2, at, at + length), at + length), 0);
  return {height, width, data};
}

export const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));

// A picture of four bytes a pixel from RGB in base64.
export function rgba(text, [height, width]) {
  const rgb = bytes(text), data = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let at = 0; at < height * width; at++) data.set(rgb.subarray(3 * at, 3 * at + 3), 4 * at);
  return {height, width, data};
}
