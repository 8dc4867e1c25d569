// In place of the module that talks to the server: the same functions, worked out in the browser.

import {FIND, MODEL, WASM} from "./built.js";
import {loadOnce} from "./loading.js";
import {confidence, Finder, Inpainter, plan as planOf} from "./partialconv/index.js";
import {loadBytes} from "./partialconv/weights.js";
import {drawn, readPhoto, writePhoto} from "./pictures.js";
import {decodeHole} from "./png.js";
import {writePng} from "./png.exact.js";

const LIMITS = {max_bytes: 300e6, max_pixels: 60e6};
const HALF = 127.5;
const WIDE = "inside a wide hole the fill is soft; the version with a server copies detail of the photo there, and adds grain";
const FORMATS = "The browser cannot read this file: open a JPEG, PNG or WebP. TIFF, HEIC and raw photos are for the version with a server.";

export class Refusal extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

// Hashes are checked where the browser can: on https pages, and on this computer.
const checked = ({url, sha256}) => ({url, sha256: isSecureContext ? sha256 : undefined});
const options = (model) => ({...checked(model), wasm: checked(WASM), providers: ["wasm"]});

// The finder's file is only kept: it is opened when damage is looked for.
const ready = loadOnce(async (tell) => {
  const loaded = [0, 0];
  const part = (at) => (bytes) => tell((loaded[at] = bytes) + loaded[1 - at]);
  const [inpainter] = await Promise.all([
    Inpainter.load(MODEL.url, {...options(MODEL), onProgress: part(0)}),
    loadBytes(FIND.url, {...checked(FIND), onProgress: part(1)}),
  ]);
  return inpainter;
});
let finder = null;

export const models = async () => ({limits: LIMITS, models: [{name: MODEL.name}]});

// Whether a photo can be filled. The page decodes it, too, and refuses what it cannot.
export async function look(photo) {
  ready.begin();
  return {name: photo.name};
}

export const fileOf = async ({blob}) => blob;

export async function fill({blob}, holeFile, model, signal, tell) {
  const photo = await readPhoto(blob), hole = await decodeHole(holeFile);
  if (!photo) throw new Refusal("browser_format", FORMATS, 415);
  tell(null);
  const inpainter = await ready.get(signal);
  const {data} = await inpainter.fill(photo, hole.levels, {signal, onProgress: tell});
  const file = await writePhoto({...photo, data});
  const remarks = [...photo.remarks];
  if (planOf(hole.levels, hole.height, hole.width).coarser) remarks.push(WIDE);
  return {file, report: {findings: [], remarks}};
}

const KIND_STEP = 50; // between the numbers of two kinds, as in the server's map

// The map that the page reads: red says at how many sensitivities a pixel is found, green as what.
export async function find(blob, holeFile, signal, tell) {
  const photo = await readPhoto(blob), hole = holeFile && (await decodeHole(holeFile));
  if (!photo) throw new Refusal("browser_format", FORMATS, 415);
  tell(null);
  await ready.get(signal);
  finder ??= await Finder.load(FIND.url, options(FIND));
  const {height, width, levels, kinds} = await finder.find(photo, hole?.levels, {signal, onProgress: tell});
  const data = new Uint8ClampedArray(4 * height * width);
  levels.forEach((level, at) => data.set([level, level && KIND_STEP * (1 + kinds[at]), 0, 255], 4 * at));
  return {file: await writePng({height, width, data}), report: {}};
}

// The picture of a hole, black and white, and what is wrong with it.
export async function doctor(blob, holeFile) {
  const photo = await drawn(blob), hole = await drawn(holeFile).catch(() => null);
  if (!hole) throw new Refusal("browser_format", FORMATS, 415);
  const findings = [], find = (code, fatal) => findings.push({code, fatal, message: code});
  if (hole.height !== photo.height || hole.width !== photo.width) find("shape", true);
  const [red, green, blue] = [0.299, 0.587, 0.114];
  let count = 0;
  for (let at = 0; at < hole.data.length; at += 4) {
    const bright = hole.data[at] * red + hole.data[at + 1] * green + hole.data[at + 2] * blue > HALF;
    hole.data.fill(bright ? 255 : 0, at, at + 3);
    hole.data[at + 3] = 255;
    count += bright;
  }
  if (!count) find("empty", true);
  else if (4 * count === hole.data.length) find("full", true);
  else if (8 * count > hole.data.length) find("inverted", true);
  return {file: await writePng({...hole, alpha: false}), report: {findings, remarks: []}};
}

const LEVEL_PX = 256, SEEN_PX = 768; // a pixel of the deepest level, and more than twice what it sees on each side

// How near to known pixels those of a hole are, as a grey picture of a part of the photo.
export async function plan(holeFile) {
  const {height, width, levels} = await decodeHole(holeFile);
  let [top, left, bottom, right] = [height, width, 0, 0];
  levels.forEach((level, at) => {
    if (!level) return;
    const y = Math.floor(at / width), x = at % width;
    [top, left, bottom, right] = [Math.min(top, y), Math.min(left, x), y + 1, Math.max(right, x + 1)];
  });
  [top, left] = [top, left].map((start) => Math.floor(Math.max(0, start - SEEN_PX) / LEVEL_PX) * LEVEL_PX);
  [bottom, right] = [Math.min(height, bottom + SEEN_PX), Math.min(width, right + SEEN_PX)];
  const part = new Uint8Array((bottom - top) * (right - left));
  for (let y = top; y < bottom; y++) part.set(levels.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  const data = new Uint8ClampedArray(4 * part.length).fill(255);
  confidence(part, bottom - top, right - left).forEach((value, at) => data.fill(Math.round(255 * value), 4 * at, 4 * at + 3));
  const file = await writePng({height: bottom - top, width: right - left, data});
  return {file, report: {plan: {box: {top, left, bottom, right}}}};
}

// The browser's own view of a photo that it may turn; there is no other here.
export async function show(photo) {
  const shown = await drawn(photo).catch(() => null);
  if (!shown) throw new Refusal("browser_format", FORMATS, 415);
  return writePng(shown);
}
