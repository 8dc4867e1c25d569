// Over the hole, or the last fill: how far each pixel is from known ones. A strong colour is far away, and a guess.

import {encodeHole} from "./png.js";
import * as server from "./server.js";

// The layer for View; `png` is a hole as it was sent.
export async function distanceOf(png, model, rgb) {
  const {file, report} = await server.plan(png, model);
  const grey = await createImageBitmap(file, {colorSpaceConversion: "none"});
  const canvas = new OffscreenCanvas(grey.width, grey.height), context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(grey, 0, 0);
  grey.close();
  const picture = context.getImageData(0, 0, canvas.width, canvas.height), {data} = picture;
  for (let at = 0; at < data.length; at += 4) {
    const doubt = 255 - data[at];
    [data[at], data[at + 1], data[at + 2]] = rgb;
    data[at + 3] = Math.min(255, doubt * 1.3);
  }
  context.putImageData(picture, 0, 0);
  const {left, top} = report.plan.box;
  return {bitmap: canvas.transferToImageBitmap(), left, top};
}

export const holeOf = (session) => (session.hole.total ? encodeHole(session.hole) : session.state.hole);
