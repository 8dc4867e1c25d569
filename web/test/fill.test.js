import assert from "node:assert/strict";
import {createHash} from "node:crypto";
import {readFileSync} from "node:fs";
import {before, test} from "node:test";

import {Inpainter} from "../src/index.js";
import {bytes, MODEL, rgba, unrun, vectors} from "./vectors.js";

const sha256 = createHash("sha256").update(readFileSync(MODEL)).digest("hex");
let inpainter;
before(async () => { inpainter = await Inpainter.load(MODEL, {sha256}); });

test("20 fills are within 1/255 of ONNX Runtime's in Python, and change nothing but the hole", async () => {
  const all = vectors("fills");
  assert.equal(all.length, 20);
  for (const [number, {size, photo, hole, filled}] of all.entries()) {
    const before = rgba(photo, size), marked = unrun(hole, size).data, wanted = bytes(filled);
    const copy = before.data.slice();
    const {data} = await inpainter.fill(before, marked);
    assert.deepEqual(before.data, copy, "the photo itself was changed");
    let largest = 0;
    marked.forEach((inside, at) => {
      if (!inside) return assert.deepEqual(data.subarray(4 * at, 4 * at + 4), before.data.subarray(4 * at, 4 * at + 4));
      assert.equal(data[4 * at + 3], 255);
    });
    [...marked.keys()].filter((at) => marked[at]).forEach((at, place) => {
      for (let channel = 0; channel < 3; channel++) {
        largest = Math.max(largest, Math.abs(data[4 * at + channel] - wanted[3 * place + channel]));
      }
    });
    assert.ok(largest <= 1, `picture ${number} differs by ${largest}`);
  }
});

test("progress rises to 1, and transparency stays", async () => {
  const photo = rgba(Buffer.alloc(3 * 40 * 50, 90).toString("base64"), [40, 50]);
  photo.data[4 * (20 * 50 + 20) + 3] = 77;
  const hole = new Uint8Array(40 * 50);
  hole.fill(1, 20 * 50 + 15, 20 * 50 + 25);
  const shares = [];
  const filled = await inpainter.fill(photo, hole, {onProgress: (share) => shares.push(share)});
  assert.equal(shares[0], 0);
  assert.equal(shares.at(-1), 1);
  assert.equal(filled.data[4 * (20 * 50 + 20) + 3], 77);
});

test("a signal ends a fill, and the next one runs", async () => {
  const photo = rgba(Buffer.alloc(3 * 40 * 50, 90).toString("base64"), [40, 50]);
  const hole = new Uint8Array(40 * 50).fill(1, 1000, 1010), controller = new AbortController();
  const ended = inpainter.fill(photo, hole, {signal: controller.signal, onProgress: () => controller.abort()});
  await assert.rejects(ended, {name: "AbortError"});
  assert.equal((await inpainter.fill(photo, hole)).data.length, photo.data.length);
});

test("what cannot be filled is refused in one line", async () => {
  const photo = rgba(Buffer.alloc(3 * 4 * 5).toString("base64"), [4, 5]);
  await assert.rejects(inpainter.fill(photo, new Uint8Array(20)), /hole is empty/);
  await assert.rejects(inpainter.fill(photo, new Uint8Array(20).fill(1)), /covers the whole photo/);
  await assert.rejects(inpainter.fill(photo, new Uint8Array(19).fill(1)), /19 bytes, expected 20/);
  await assert.rejects(inpainter.fill({height: 4, width: 5, data: new Uint8Array(60)}, new Uint8Array(20)), /expected ImageData/);
  await assert.rejects(inpainter.fill(photo, rgba(Buffer.alloc(3 * 4 * 4).toString("base64"), [4, 4])), /expected 4x5/);
});

test("a model that is another file, or none, is refused", async () => {
  await assert.rejects(Inpainter.load(MODEL, {sha256: "0".repeat(64)}), /expected 0{64}/);
  await assert.rejects(Inpainter.load(new URL("vectors.js", import.meta.url)), /cannot be opened/);
});
