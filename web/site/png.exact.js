// PNG files read and written without a canvas, which manages colours: pixels outside a hole stay exactly as they are.

import {chunk} from "./png.js";

/** What belongs to the whole picture and stays true of it: colours, size in print, texts. */
const KEPT = ["cHRM", "cICP", "gAMA", "iCCP", "iTXt", "pHYs", "sRGB", "tEXt", "tIME", "zTXt"];
const CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}; // by the header's kind of colour
const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

export const isPng = (bytes) => SIGNATURE.every((byte, at) => bytes[at] === byte);

export function* chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    yield [String.fromCharCode(...bytes.subarray(at + 4, at + 8)), bytes.subarray(at + 8, at + 8 + length)];
    at += 12 + length;
  }
}

// The bits of a channel.
export const depthOf = (bytes) => bytes[24];

// {height, width, data, alpha, chunks}, or null for kinds of PNG that are left to the browser.
export async function readPng(bytes) {
  const all = [...chunksOf(bytes)], header = all[0][1], view = new DataView(header.buffer, header.byteOffset);
  const [width, height, depth, kind, interlaced] = [view.getUint32(0), view.getUint32(4), header[8], header[9], header[12]];
  const one = (name) => all.find(([other]) => other === name)?.[1];
  // a key colour, an animation, or a turned picture
  if (depth !== 8 || interlaced || one("acTL") || one("eXIf") || (one("tRNS") && kind !== 3)) return null;
  const packed = new Blob(all.filter(([name]) => name === "IDAT").map(([, data]) => data));
  const rows = new Uint8Array(await new Response(packed.stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
  const channels = CHANNELS[kind], stride = channels * width;
  if (rows.length < height * (stride + 1)) throw new Error("The PNG ends too early.");
  unfilter(rows, height, stride, channels);
  const palette = one("PLTE"), transparent = one("tRNS"), data = new Uint8ClampedArray(4 * height * width);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, at = y * (stride + 1) + 1; x < width; x++, at += channels, to += 4) {
      if (kind === 3) {
        data.set(palette.subarray(3 * rows[at], 3 * rows[at] + 3), to);
        data[to + 3] = transparent?.[rows[at]] ?? 255;
      } else {
        const [red, green, blue] = channels < 3 ? [at, at, at] : [at, at + 1, at + 2];
        [data[to], data[to + 1], data[to + 2]] = [rows[red], rows[green], rows[blue]];
        data[to + 3] = channels % 2 ? 255 : rows[at + channels - 1];
      }
    }
  }
  const grey = kind === 0 || kind === 4; // its profile is not one for RGB
  const chunks = all.filter(([name]) => KEPT.includes(name) && !(grey && name === "iCCP"));
  return {height, width, data, alpha: channels % 2 === 0 || Boolean(transparent), chunks};
}

// A PNG of 8 bits, with alpha where the picture has it.
export async function writePng({height, width, data, alpha = false, chunks = []}) {
  const channels = alpha ? 4 : 3, stride = channels * width;
  const rows = new Uint8Array(height * (stride + 1)), line = new Uint8Array(stride), above = new Uint8Array(stride);
  for (let y = 0; y < height; y++) {
    for (let x = 0, at = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) line[at++] = data[4 * (y * width + x) + channel];
    }
    const start = y * (stride + 1);
    rows[start] = 4;
    for (let at = 0; at < stride; at++) {
      const left = at < channels ? 0 : line[at - channels], corner = at < channels ? 0 : above[at - channels];
      rows[start + 1 + at] = line[at] - paeth(left, above[at], corner);
    }
    above.set(line);
  }
  const packed = new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate")));
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, alpha ? 6 : 2], 8);
  const kept = chunks.map(([name, content]) => chunk(name, content));
  const body = chunk("IDAT", new Uint8Array(await packed.arrayBuffer()));
  return new Blob([SIGNATURE, chunk("IHDR", header), ...kept, body, chunk("IEND", new Uint8Array(0))], {type: "image/png"});
}

function unfilter(rows, height, stride, channels) {
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1) + 1, kind = rows[start - 1];
    for (let at = 0; at < stride; at++) {
      const here = start + at, left = at < channels ? 0 : rows[here - channels];
      const up = y ? rows[here - stride - 1] : 0, corner = y && at >= channels ? rows[here - stride - 1 - channels] : 0;
      rows[here] += [0, left, up, (left + up) >> 1, kind === 4 ? paeth(left, up, corner) : 0][kind];
    }
  }
}

function paeth(left, up, corner) {
  const a = Math.abs(up - corner), b = Math.abs(left - corner), c = Math.abs(left + up - 2 * corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
