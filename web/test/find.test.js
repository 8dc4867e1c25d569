import assert from "node:assert/strict";
import {test} from "node:test";

import {Finder, KINDS} from "../src/index.js";
import {bytes, MODEL, rgba, unrun, vectors} from "./vectors.js";

test("what is found is what Python finds", async () => {
  const finder = await Finder.load(new URL("find.onnx", MODEL));
  for (const {size, photo, unknown, levels, kinds} of vectors("finds")) {
    const found = await finder.find(rgba(photo, size), unrun(unknown, size).data);
    const [wantedLevels, wantedKinds] = [bytes(levels), bytes(kinds)];
    const some = [...wantedLevels.keys()].filter((at) => wantedLevels[at]);
    assert.ok(some.length > 20);
    wantedLevels.forEach((level, at) => assert.ok(Math.abs(level - found.levels[at]) <= 1, `${level}, not ${found.levels[at]}`));
    const same = some.filter((at) => found.kinds[at] === wantedKinds[at]);
    assert.ok(same.length > 0.99 * some.length);
    assert.ok(found.kinds.every((kind) => kind < KINDS.length));
  }
});

test("a file that is no finder is refused", async () => {
  await assert.rejects(Finder.load(MODEL), /names no threshold/);
});
