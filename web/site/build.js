// Builds the page without a server: node web/site/build.js FOLDER

import {createHash} from "node:crypto";
import {cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from "node:fs";
import {join, relative} from "node:path";
import {fileURLToPath} from "node:url";
import {gzipSync} from "node:zlib";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PAGE = here("../../src/partialconv/server/page"), PACKAGE = here("../src"), ORT = here("../node_modules/onnxruntime-web/dist");
const ZOO = here("../../src/partialconv/zoo");
const WHERE = "Your photo goes to the machine that serves this page, and no further.";
const HERE = "Your photo stays on this device: the browser itself fills it. <span id=\"loading\" role=\"status\"></span>";
const MORE = `<p class="quiet" style="max-width: 40rem">A JPEG is compressed anew; a PNG keeps every pixel outside the hole. Photos of 16 bits, CMYK and TIFF
    are for the version with a server, which also copies detail into wide holes and adds grain.</p>`;

const out = process.argv[2];
if (!out) {
  console.error("Name the folder to build, as in: node web/site/build.js build/site");
  process.exit(2);
}

// The same page, with a few words and files of its own.
function edited(text, ...changes) {
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`The page has changed: ${JSON.stringify(from)} is not in it any more.`);
    text = text.replace(from, to);
  }
  return text;
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const put = (path, content) => writeFileSync(join(out, path), content);
const read = (path) => readFileSync(path, "utf8");

// A file packed by gzip, whatever the host does; its name says nothing of that, so that no host unpacks it.
function pack(from, name) {
  const packed = gzipSync(readFileSync(from), {level: 9});
  put(name, packed);
  return {url: `./${name}`, sha256: digest(packed), bytes: packed.length};
}

function filesIn(folder) {
  return readdirSync(folder, {withFileTypes: true}).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

rmSync(out, {recursive: true, force: true});
mkdirSync(out, {recursive: true});
cpSync(PAGE, out, {recursive: true});
cpSync(PACKAGE, join(out, "partialconv"), {recursive: true});
for (const name of ["server.js", "loading.js", "pictures.js", "png.exact.js", "jpeg.js"]) put(name, read(here(name)));
put("partialconv/runtime.js", edited(read(join(PACKAGE, "runtime.js")),
  [`provider === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm")`, `import("./ort.js")`]));
put("partialconv/ort.js", readFileSync(join(ORT, "ort.wasm.bundle.min.mjs")));
put("index.html", edited(read(join(PAGE, "index.html")), [`<p id="where" class="quiet">${WHERE}</p>`, `<p class="quiet">${HERE}</p>\n    ${MORE}\n    <p id="where" hidden></p>`]));
put("LICENSE", read(here("../../LICENSE")));
put("NOTICE", `${read(here("../../NOTICE"))}
This page contains ONNX Runtime Web (partialconv/ort.js, runtime.bin), Copyright (c) Microsoft Corporation, under the MIT
License, whose text stands above.
`);

const files = filesIn(out).map((path) => relative(out, path).split("\\").join("/")).sort();
const model = {name: "half", ...pack(join(ZOO, "half.onnx"), "half.bin")}, finder = pack(join(ZOO, "find.onnx"), "find.bin");
const wasm = pack(join(ORT, "ort-wasm-simd-threaded.wasm"), "runtime.bin");
put("built.js", `// Written by the build.\nexport const MODEL = ${JSON.stringify(model)};\nexport const FIND = ${JSON.stringify(finder)};\nexport const WASM = ${JSON.stringify(wasm)};\n`);
files.push("built.js");
const version = digest(files.map((name) => digest(readFileSync(join(out, name)))).join()).slice(0, 16);
const list = JSON.stringify(["./", ...files.filter((name) => /\.\w+$/.test(name))]);
put("sw.js", edited(read(here("sw.js")), [`["FILES"]`, list], ["VERSION", version]));

const mega = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const page = files.reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
console.log(`${out}: ${files.length + 4} files. The first visit loads ${mega(page + model.bytes + finder.bytes + wasm.bytes)}: ` +
  `the page ${mega(page)}, the networks ${mega(model.bytes)} and ${mega(finder.bytes)}, their runtime ${mega(wasm.bytes)}.`);
