import assert from "node:assert/strict";
import {test} from "node:test";

import {confidence, plan} from "../src/index.js";
import {unrun, vectors} from "./vectors.js";

const corners = ({top, left, bottom, right}) => [top, left, bottom, right];

function runs({data}) {
  const lengths = [0];
  for (let at = 0, value = 0; at < data.length; at++) {
    if (data[at] !== value) [value] = [data[at], lengths.push(0)];
    lengths[lengths.length - 1]++;
  }
  return lengths;
}

const plain = (steps) => steps && {
  size: steps.size,
  scale: steps.scale,
  batches: steps.batches.map((batch) => batch.map(({box, window}) => [corners(box), corners(window)])),
  deep: steps.deep && runs(steps.deep),
  region: steps.region && corners(steps.region),
  coarser: plain(steps.coarser),
};

test("the plans of 200 holes are those of Python", () => {
  const all = vectors("plans");
  assert.equal(all.length, 200);
  assert.ok(all.filter(({plan}) => plan.coarser).length > 40);
  all.forEach((one, number) => {
    const hole = unrun(one.hole, one.size);
    assert.deepEqual(plain(plan(hole.data, ...one.size)), one.plan, `hole ${number}`);
  });
});

test("a full hole is refused", () => {
  assert.throws(() => plan(new Uint8Array(12).fill(1), 3, 4), /at least one pixel must stay unmasked/);
  assert.throws(() => plan(new Uint8Array(11), 3, 4), /11 bytes, expected 12/);
});

test("confidence falls from the rim inwards", () => {
  const hole = new Uint8Array(100 * 100);
  for (let y = 20; y < 80; y++) hole.fill(1, y * 100 + 20, y * 100 + 80);
  const sure = confidence(hole, 100, 100);
  assert.equal(sure[0], 1);
  assert.ok(Math.abs(sure[20 * 100 + 50] - 8 / 9) < 1e-6);
  assert.ok(sure[50 * 100 + 50] < sure[25 * 100 + 50] && sure[50 * 100 + 50] > 0);
});
