// Photos as files and as pixels, as far as a browser can, and what it cannot keep.

import {isCmyk, isJpeg, withMetadata} from "./jpeg.js";
import {depthOf, isPng, readPng, writePng} from "./png.exact.js";

const QUALITY = 0.95;
const STRIP_PX = 256; // rows at a time: a canvas of a large photo would be larger than some browsers allow
const SERVER = "the version with a server keeps";

let last = {}; // the file that was written last and its pixels, so that the next fill starts from those, not from a JPEG

// {height, width, data, type, remarks}, as the photo is shown; null where the browser cannot read the file.
export async function readPhoto(blob) {
  if (last.blob === blob) return {...last.photo, data: last.photo.data.slice()};
  const bytes = new Uint8Array(await blob.arrayBuffer());
  if (isPng(bytes)) {
    const exact = await readPng(bytes);
    if (exact) return {...exact, type: "image/png", remarks: []};
  }
  const shown = await drawn(blob).catch(() => null);
  if (!shown) return null;
  const type = isJpeg(bytes) ? "image/jpeg" : String.fromCharCode(...bytes.subarray(8, 12)) === "WEBP" ? "image/webp" : "image/png";
  return {...shown, type, bytes, remarks: remarksOn(bytes, type)};
}

function remarksOn(bytes, type) {
  const remarks = [];
  if (isPng(bytes) && depthOf(bytes) > 8) remarks.push(`the browser keeps 8 bits a channel; ${SERVER} all 16`);
  else if (isJpeg(bytes)) {
    if (isCmyk(bytes)) remarks.push(`the browser turns CMYK into RGB; ${SERVER} the ink`);
    remarks.push(`the whole JPEG is compressed anew; ${SERVER} all blocks outside the hole`);
  } else if (type === "image/webp") remarks.push(`the whole WebP is compressed anew, without its EXIF data, which ${SERVER}`);
  return remarks;
}

// A file of the photo's own format, where the browser writes it, else a PNG.
export async function writePhoto(photo) {
  let blob = photo.type === "image/png" ? await writePng(photo) : await compressed(photo);
  if (blob.type === "image/jpeg") blob = await withMetadata(blob, photo.bytes);
  last = {blob, photo};
  return blob;
}

async function compressed({height, width, data, type}) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return canvas.convertToBlob({type, quality: QUALITY});
}

// The pixels of a picture, by way of a canvas; turned by its EXIF orientation.
export async function drawn(blob) {
  const bitmap = await createImageBitmap(blob, {colorSpaceConversion: "none", premultiplyAlpha: "none"});
  const {width, height} = bitmap, data = new Uint8ClampedArray(4 * width * height);
  const canvas = new OffscreenCanvas(width, Math.min(STRIP_PX, height)), context = canvas.getContext("2d", {willReadFrequently: true});
  context.globalCompositeOperation = "copy";
  for (let top = 0; top < height; top += STRIP_PX) {
    const rows = Math.min(STRIP_PX, height - top);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    data.set(context.getImageData(0, 0, width, rows).data, 4 * top * width);
  }
  bitmap.close();
  let alpha = false;
  for (let at = 3; at < data.length && !alpha; at += 4) alpha = data[at] < 255;
  return {height, width, data, alpha};
}
