import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";

import {loadBytes, unpacked} from "../src/weights.js";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

test("the version is that of the Python package", () => {
  const [, version] = /__version__ = "(.*)"/.exec(read("../../src/partialconv/__init__.py"));
  assert.equal(JSON.parse(read("../package.json")).version, version);
});

test("the lockfile names no host but the public registry", () => {
  const packages = Object.entries(JSON.parse(read("../package-lock.json")).packages);
  assert.ok(packages.length > 10);
  for (const [name, {resolved, integrity}] of packages) {
    assert.ok(!resolved || resolved.startsWith("https://registry.npmjs.org/"), `${name}: ${resolved}`);
    if (name) assert.match(integrity, /^sha512-/);
  }
});

test("a file may be packed by gzip", async () => {
  const packed = await loadBytes(new URL("vectors/plans.json.gz", import.meta.url));
  const bytes = await unpacked(packed);
  assert.equal(JSON.parse(new TextDecoder().decode(bytes)).length, 200);
  assert.equal(await unpacked(bytes), bytes);
});
