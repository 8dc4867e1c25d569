import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";

import {scan, thresholdIn} from "../src/finder.js";
import {Finder, KINDS} from "../src/index.js";
import {openSession} from "../src/runtime.js";
import {bytes, MODEL, rgba, unrun, vectors} from "./vectors.js";

const FINDER = new URL("find.onnx", MODEL);

test("what is found is what Python finds, at one scale and at several", async () => {
  const model = readFileSync(FINDER), session = await openSession(model), threshold = thresholdIn(model);
  const all = vectors("finds");
  assert.ok(all.some(({shortest}) => shortest < 20));
  for (const {size, shortest, photo, unknown, levels, kinds} of all) {
    const found = await scan(session, threshold, rgba(photo, size), unrun(unknown, size), async () => {}, shortest);
    const [wantedLevels, wantedKinds] = [bytes(levels), bytes(kinds)];
    const some = [...wantedLevels.keys()].filter((at) => wantedLevels[at] > 1);
    assert.ok(some.length > 20);
    wantedLevels.forEach((level, at) => assert.ok(Math.abs(level - found.levels[at]) <= 1, `${level}, not ${found.levels[at]}`));
    const same = some.filter((at) => found.kinds[at] === wantedKinds[at]);
    assert.ok(same.length > 0.99 * some.length);
    assert.ok(found.kinds.every((kind) => kind < KINDS.length));
  }
});

test("the finder tells its progress, and refuses what is no photo", async () => {
  const finder = await Finder.load(FINDER), shares = [];
  const photo = rgba(Buffer.alloc(3 * 4 * 5, 90).toString("base64"), [4, 5]);
  const {levels} = await finder.find(photo, undefined, {onProgress: (share) => shares.push(share)});
  assert.deepEqual([levels.length, shares], [20, [0, 1]]);
  await assert.rejects(finder.find({height: 4, width: 5, data: new Uint8Array(60)}), /expected ImageData/);
});

test("a file that is no finder is refused", async () => {
  await assert.rejects(Finder.load(MODEL), /names no threshold/);
});
