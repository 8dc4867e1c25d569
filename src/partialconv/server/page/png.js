// The hole as a PNG of one bit a pixel, white = hole. A canvas would smooth and manage colours; this does neither.

import {HALF} from "./hole.js";

export async function encodeHole(hole) {
  const stride = Math.ceil(hole.width / 8) + 1; // each row starts with the number of its filter, 0
  const rows = new Uint8Array(stride * hole.height);
  const {levels, width} = hole, [left, top, right, bottom] = hole.bounds(0) ?? [0, 0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left, at = y * stride + 1; x < right; x++) {
      if (levels[y * width + x] > HALF) rows[at + (x >> 3)] |= 128 >> (x & 7);
    }
  }
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, hole.width);
  view.setUint32(4, hole.height);
  header[8] = 1; // bits a pixel, grey
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const parts = [signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", new Uint8Array(0))];
  return new Blob(parts, {type: "image/png"});
}

// The levels of a black and white picture of the server.
export async function decodeHole(blob) {
  const bitmap = await createImageBitmap(blob, {colorSpaceConversion: "none"});
  const {width, height} = bitmap;
  const levels = new Uint8Array(width * height);
  const strip = 256; // rows at a time: a canvas of a large photo would be larger than some browsers allow
  const canvas = new OffscreenCanvas(width, Math.min(strip, height));
  const context = canvas.getContext("2d", {willReadFrequently: true});
  for (let top = 0; top < height; top += strip) {
    const rows = Math.min(strip, height - top);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const {data} = context.getImageData(0, 0, width, rows);
    for (let at = 0; at < width * rows; at++) levels[top * width + at] = data[4 * at] > HALF ? 255 : 0;
  }
  bitmap.close();
  return {width, height, levels};
}

const TABLE = Uint32Array.from({length: 256}, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

export function chunk(kind, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...kind].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  let crc = 0xffffffff;
  for (let at = 4; at < data.length + 8; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]) & 255];
  view.setUint32(data.length + 8, ~crc >>> 0);
  return bytes;
}
