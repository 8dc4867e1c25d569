// What is seen: the photo on one canvas, the hole over it on another, both as large as the stage and no larger.

import {HALF} from "./hole.js";

const MOST_SCALE = 32; // screen pixels a photo pixel
const SMALL = 8; // screen pixels: a mark that is smaller gets a ring
const PREVIEW = 2048; // longer side of the smaller copy that is drawn while zoomed out

// A photo for drawing: whole, and a smaller copy if it is large.
export async function decode(blob) {
  const whole = await createImageBitmap(blob); // turned by its EXIF orientation
  const longer = Math.max(whole.width, whole.height);
  let small = null;
  if (longer > 1.5 * PREVIEW) {
    const resizeWidth = Math.round((whole.width * PREVIEW) / longer);
    small = await createImageBitmap(whole, {resizeWidth, resizeQuality: "high"});
  }
  return pictureWith(whole, small);
}

// Some browsers have a largest canvas, and draw nothing on what is larger.
export function fitsCanvas({width, height}) {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context?.fillRect(width - 1, height - 1, 1, 1);
  return Boolean(context?.getImageData(width - 1, height - 1, 1, 1).data[3]);
}

// A photo with some fills drawn over it, one after the other: each has a file, square tiles row by row, which are
// transparent beside the hole; how large they are; and their places, [left, top].
export async function patched(picture, patches) {
  const sheets = await Promise.all(patches.map(({file}) => createImageBitmap(file)));
  const copy = (bitmap) => {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    context.imageSmoothingQuality = "high";
    return [canvas, context];
  };
  const [canvas, context] = copy(picture.whole);
  patches.forEach(({side_px: side, places}, at) => {
    const sheet = sheets[at], across = sheet.width / side;
    places.forEach(([left, top], tile) => {
      context.drawImage(sheet, (tile % across) * side, Math.floor(tile / across) * side, side, side, left, top, side, side);
    });
    sheet.close();
  });
  let small = null;
  if (picture.small) {
    const [drawn, smaller] = copy(picture.small), scale = drawn.width / canvas.width, margin = Math.ceil(2 / scale);
    for (const {side_px: side, places} of patches) {
      for (const [x, y] of places) {
        const left = Math.max(0, x - margin), top = Math.max(0, y - margin);
        const width = Math.min(canvas.width, x + side + margin) - left, height = Math.min(canvas.height, y + side + margin) - top;
        smaller.drawImage(canvas, left, top, width, height, left * scale, top * scale, width * scale, height * scale);
      }
    }
    small = drawn.transferToImageBitmap();
  }
  return pictureWith(canvas.transferToImageBitmap(), small);
}

const pictureWith = (whole, small) => (
  {whole, small, width: whole.width, height: whole.height, close: () => { whole.close(); small?.close(); }}
);

export class View {
  constructor(stage, photoCanvas, holeCanvas) {
    this.stage = stage;
    this.canvas = photoCanvas;
    this.context = photoCanvas.getContext("2d");
    this.overlayCanvas = holeCanvas;
    this.overlay = holeCanvas.getContext("2d");
    this.photo = null;
    this.before = null; // drawn left of the divider
    this.divider = 0.5; // share of the photo's width
    this.layer = null; // {bitmap, left, top}: a picture over a part of the photo, see distance.js
    this.hole = null;
    this.marks = []; // parts to draw a ring around where they are small, see finding.js
    this.scale = 1; // stage pixels (CSS) a photo pixel
    this.x = 0; // of the photo's corner, in CSS pixels
    this.y = 0;
    this.fitted = true;
    this.moving = 0; // a timer, until the photo has stood still for a moment
    this.changed = () => {};
    new ResizeObserver(() => this.resize()).observe(stage);
  }

  get ratio() {
    return this.canvas.width / Math.max(1, this.width);
  }

  resize() {
    const {width, height} = this.stage.getBoundingClientRect();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.width = width;
    this.height = height;
    for (const canvas of [this.canvas, this.overlayCanvas]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    if (this.fitted) this.fit();
    else this.draw();
  }

  margins() {
    const style = getComputedStyle(this.stage);
    return ["Top", "Right", "Bottom", "Left"].map((side) => parseFloat(style[`padding${side}`]));
  }

  fit() {
    if (!this.photo) return this.draw();
    const [top, right, bottom, left] = this.margins();
    const width = this.width - left - right, height = this.height - top - bottom;
    this.scale = Math.min(width / this.photo.width, height / this.photo.height, 4);
    this.x = left + (width - this.photo.width * this.scale) / 2;
    this.y = top + (height - this.photo.height * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  // After the margins have changed: a photo that was fitted into them is again.
  fitAgain() {
    if (this.fitted) this.fit();
  }

  // Move the photo if a box of it is not seen whole within the margins.
  reveal([left, top, right, bottom]) {
    const [above, beside, below, before] = this.margins(), {scale} = this;
    const x = this.x + ((left + right) / 2) * scale, y = this.y + ((top + bottom) / 2) * scale;
    if (x > before && x < this.width - beside && y > above && y < this.height - below) return;
    const middle = {x: (before + this.width - beside) / 2, y: (above + this.height - below) / 2};
    this.zoom(1, middle, middle.x - x, middle.y - y);
  }

  // Zoom by a factor around a point of the stage, and move by (dx, dy).
  zoom(factor, at, dx = 0, dy = 0) {
    if (!this.photo) return;
    const least = Math.min(0.5, 64 / Math.max(this.photo.width, this.photo.height));
    const scale = Math.max(least, Math.min(MOST_SCALE, this.scale * factor));
    const grown = scale / this.scale;
    this.x = at.x - (at.x - this.x) * grown + dx;
    this.y = at.y - (at.y - this.y) * grown + dy;
    this.scale = scale;
    // a corner of the photo stays in sight
    const keep = 48;
    this.x = Math.min(this.width - keep, Math.max(keep - this.photo.width * scale, this.x));
    this.y = Math.min(this.height - keep, Math.max(keep - this.photo.height * scale, this.y));
    this.fitted = false;
    clearTimeout(this.moving);
    this.moving = setTimeout(() => { this.moving = 0; this.draw(); }, 150);
    this.draw();
  }

  toPhoto(point) {
    return {x: (point.x - this.x) / this.scale, y: (point.y - this.y) / this.scale};
  }

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.drawPhoto();
      this.drawHole();
      this.drawMarks();
      this.changed();
    });
  }

  drawPhoto() {
    const {context, canvas, ratio} = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.photo) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const {width, height} = this.photo;
    context.fillStyle = this.checks ??= checkerboard(context); // under what is transparent
    context.fillRect(this.x + 1, this.y + 1, width * this.scale - 2, height * this.scale - 2); // no bright rim
    this.picture(this.photo);
    if (this.before) {
      context.save();
      context.beginPath();
      context.rect(0, 0, this.x + this.divider * width * this.scale, this.height);
      context.clip();
      this.picture(this.before);
      context.restore();
    }
    if (this.layer) {
      const {bitmap, left, top} = this.layer;
      context.imageSmoothingEnabled = true;
      context.drawImage(bitmap, this.x + left * this.scale, this.y + top * this.scale, bitmap.width * this.scale, bitmap.height * this.scale);
    }
  }

  picture({whole, small, width, height}) {
    const {context, scale} = this;
    context.imageSmoothingEnabled = scale * this.ratio < 3; // pixels are seen as such when they are large
    context.imageSmoothingQuality = "high";
    const bitmap = small && scale * this.ratio <= small.width / width ? small : whole;
    context.drawImage(bitmap, this.x, this.y, width * scale, height * scale);
  }

  // Draw the hole, or what of it lies in a box of the photo.
  drawHole(box = null) {
    const {overlay, overlayCanvas, hole} = this;
    if (!box) overlay.clearRect(0, 0, overlayCanvas.width, overlayCanvas.height);
    if (!hole || !this.photo || this.before || this.layer) return;
    const scale = this.scale * this.ratio, x0 = this.x * this.ratio, y0 = this.y * this.ratio;
    const shown = box ?? hole.bounds(0);
    if (!shown) return;
    const left = Math.max(0, Math.floor(x0 + shown[0] * scale) - 1), top = Math.max(0, Math.floor(y0 + shown[1] * scale) - 1);
    const right = Math.min(overlayCanvas.width, Math.ceil(x0 + shown[2] * scale) + 1);
    const bottom = Math.min(overlayCanvas.height, Math.ceil(y0 + shown[3] * scale) + 1);
    if (left >= right || top >= bottom) return;
    const picture = overlay.createImageData(right - left, bottom - top);
    const pixels = new Uint32Array(picture.data.buffer);
    // samples each way, so that thin lines stay; while the photo moves, one has to do
    const samples = scale >= 1 || this.moving ? 1 : Math.min(3, Math.ceil(0.7 / scale));
    const {levels, width, height} = hole;
    const color = this.color, share = 1 / (samples * samples);
    const sample = (start, count, origin, size) => {
      const places = new Int32Array(count * samples);
      for (let at = 0; at < places.length; at++) {
        const place = Math.floor((start - origin + (at + 0.5) / samples) / scale);
        places[at] = place < 0 || place >= size ? -1 : place;
      }
      return places;
    };
    const xs = sample(left, right - left, x0, width), ys = sample(top, bottom - top, y0, height);
    for (let row = 0, at = 0; row < bottom - top; row++) {
      for (let column = 0; column < right - left; column++, at++) {
        let alpha = 0;
        for (let j = row * samples; j < (row + 1) * samples; j++) {
          const line = ys[j] * width;
          if (line < 0) continue;
          for (let i = column * samples; i < (column + 1) * samples; i++) {
            const level = xs[i] < 0 ? 0 : levels[line + xs[i]];
            if (level) alpha += level > HALF ? 150 : level >> 2; // faint: a soft brush's rim, not hole yet
          }
        }
        if (alpha) pixels[at] = ((alpha * share) << 24) | color;
      }
    }
    overlay.putImageData(picture, left, top);
  }

  // Rings around what is too small to be seen as paint, and around the mark that is `chosen`.
  drawMarks() {
    if (!this.marks.length || this.before || this.layer) return;
    const {overlay, ratio, scale} = this;
    overlay.save();
    overlay.setTransform(ratio, 0, 0, ratio, 0, 0);
    const ring = (marks, least, styles) => {
      overlay.beginPath();
      for (const {box: [left, top, right, bottom]} of marks) {
        const radius = Math.max(least, (Math.max(right - left, bottom - top) * scale) / 2 + 4);
        const x = this.x + ((left + right) / 2) * scale, y = this.y + ((top + bottom) / 2) * scale;
        if (x < -radius || y < -radius || x > this.width + radius || y > this.height + radius) continue;
        overlay.moveTo(x + radius, y);
        overlay.arc(x, y, radius, 0, 2 * Math.PI);
      }
      for (const [style, width] of styles) {
        overlay.strokeStyle = style;
        overlay.lineWidth = width;
        overlay.stroke();
      }
    };
    const color = `#${[0, 8, 16].map((shift) => ((this.color >> shift) & 255).toString(16).padStart(2, "0")).join("")}`;
    const isSmall = ({box: [left, top, right, bottom]}) => Math.max(right - left, bottom - top) * scale < SMALL;
    ring(this.marks.filter((mark) => !mark.dropped && isSmall(mark)), 6, [["#fffc", 3], [color, 1.5]]);
    ring(this.marks.filter((mark) => mark.chosen), 14, [["#000a", 5], ["#fff", 3]]);
    overlay.restore();
  }

  // From CSS, as 0x00bbggrr.
  setColor(text) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
    this.color = (blue << 16) | (green << 8) | red;
    this.draw();
  }
}

function checkerboard(context) {
  const tile = new OffscreenCanvas(16, 16), paint = tile.getContext("2d");
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, 16, 16);
  paint.fillStyle = "#ddd";
  paint.fillRect(0, 0, 8, 8);
  paint.fillRect(8, 8, 8, 8);
  return context.createPattern(tile, "repeat");
}
