// Which crops of a photo the network has to see, and at which scale: the rules of partialconv.inference.planner.

export const BLOCK_PX = 8; // crops and depths are planned on a grid of such blocks
const CONTEXT_PX = 32; // of the photo that the network sees on each side of a hole
const REGION_PX = 512; // of the photo around deep pixels are halved
const MAX_SIDE_PX = 768; // of a crop
const STEP_PX = 16; // sides of crops are multiples of this
const UNEVEN = 0.2; // by how much smaller the boxes have to be where a cut takes off the edge
const OVERHEAD_PX = 64 * 64; // what a run costs beside its pixels, in pixels

/**
 * Rows top to bottom and columns left to right of a photo, the ends excluded, in pixels.
 * @typedef {{top: number, left: number, bottom: number, right: number}} Box
 */
/**
 * A map of one byte a pixel or block, 0 or 1, row by row.
 * @typedef {{height: number, width: number, data: Uint8Array}} Grid
 */
/**
 * One run of the network: the smallest box around the hole pixels that it fills, and the window that it sees.
 * @typedef {{box: Box, window: Box}} Crop
 */
/**
 * How a hole is filled at one scale, after a coarser one where it is deep.
 * @typedef {object} Plan
 * @property {[number, number]} size Height and width of the hole at this scale.
 * @property {number} scale 1 for the photo itself, 2 at half its size, ...
 * @property {Crop[][]} batches Crops of one shape; later batches see what earlier ones filled.
 * @property {Grid | null} deep Blocks whose pixels are taken from `coarser`.
 * @property {Box | null} region The part of the photo that `coarser` fills at half the size.
 * @property {Plan | null} coarser The plan of the halved region.
 */

/** @param {Box} a @returns {[number, number]} Height and width. */
export const shapeOf = (a) => [a.bottom - a.top, a.right - a.left];

/** @param {Box} box @param {number} px @param {[number, number]} size @returns {Box} Larger on each side, within a photo. */
export const grown = (box, px, [height, width]) => ({
  top: Math.max(0, box.top - px),
  left: Math.max(0, box.left - px),
  bottom: Math.min(height, box.bottom + px),
  right: Math.min(width, box.right + px),
});

/**
 * Plan the fill of a hole. Holes near each other share a crop where that is less work than two. Pixels more than a
 * block away from all known ones are filled at half the scale first, and so on.
 * @param {Grid} hole 1 = fill; at least one pixel is known.
 * @param {number} [scale]
 * @returns {Plan}
 */
export function plan(hole, scale = 1) {
  const {some, all} = blocksOf(hole);
  const deep = deepOf(all);
  /** @type {[number, number]} */
  const size = [hole.height, hole.width];
  const span = tight(deep, {top: 0, left: 0, bottom: deep.height, right: deep.width});
  if (!span) return {size, scale, batches: batchesOf(hole, some), deep: null, region: null, coarser: null};
  const around = grown(
    {top: span.top * BLOCK_PX, left: span.left * BLOCK_PX, bottom: span.bottom * BLOCK_PX, right: span.right * BLOCK_PX},
    REGION_PX,
    size,
  );
  const region = {...around, top: around.top & ~1, left: around.left & ~1}; // even, so that four pixels become one
  const rim = {...some, data: some.data.map((value, at) => (deep.data[at] ? 0 : value))};
  const coarser = plan(halvedHole(cut(hole, region)), 2 * scale);
  return {size, scale, batches: batchesOf(hole, rim), deep, region, coarser};
}

/** The plans of all scales, coarsest first. @param {Plan} steps @returns {Plan[]} */
export const stagesOf = (steps) => [...(steps.coarser ? stagesOf(steps.coarser) : []), steps];

/** Pixels that the network computes, in crops of all scales. @param {Plan} steps */
export function numPixels(steps) {
  let total = 0;
  for (const {batches} of stagesOf(steps)) {
    for (const {window} of batches.flat()) total += (window.bottom - window.top) * (window.right - window.left);
  }
  return total;
}

/** Rectangles that hold all of the hole at this scale; some overlap. @param {Plan} steps @returns {Box[]} */
export const boxesOf = (steps) => [...steps.batches.flat().map(({box}) => box), ...deepBoxesOf(steps)];

/** Rectangles that hold the pixels that are taken from the coarser scale. @param {Plan} steps @returns {Box[]} */
export const deepBoxesOf = ({deep, size}) => (deep ? cutBlocks(deep).map((part) => inPixels(part, size)) : []);

/** A part of a map. @param {Grid} grid @param {Box} box @returns {Grid} */
export function cut(grid, box) {
  const [height, width] = shapeOf(box), data = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const from = (box.top + y) * grid.width + box.left;
    data.set(grid.data.subarray(from, from + width), y * width);
  }
  return {height, width, data};
}

/** A hole at half the size: a pixel is known where any of its four is. @param {Grid} hole @returns {Grid} */
export function halvedHole({height, width, data}) {
  const rows = (height + 1) >> 1, columns = (width + 1) >> 1, result = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const above = 2 * y * width, below = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < columns; x++) {
      const left = 2 * x, right = Math.min(left + 1, width - 1);
      result[y * columns + x] = data[above + left] & data[above + right] & data[below + left] & data[below + right];
    }
  }
  return {height: rows, width: columns, data: result};
}

/** Whether some, and whether all pixels of each block are in the hole. @param {Grid} hole */
function blocksOf({height, width, data}) {
  const rows = Math.ceil(height / BLOCK_PX), columns = Math.ceil(width / BLOCK_PX);
  const some = new Uint8Array(rows * columns), all = new Uint8Array(rows * columns).fill(1);
  for (let y = 0, at = 0; y < height; y++) {
    const row = (y >> 3) * columns;
    for (let x = 0; x < width; x++, at++) {
      if (data[at]) some[row + (x >> 3)] = 1;
      else all[row + (x >> 3)] = 0;
    }
  }
  return {some: {height: rows, width: columns, data: some}, all: {height: rows, width: columns, data: all}};
}

/** Blocks with no neighbour that holds a known pixel; beyond the photo nothing is known. @param {Grid} all @returns {Grid} */
function deepOf({height, width, data}) {
  const deep = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let value = 1;
      for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
        for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) value &= data[j * width + i];
      }
      deep[y * width + x] = value;
    }
  }
  return {height, width, data: deep};
}

/** Cut the blocks into crops and those into batches. @param {Grid} hole @param {Grid} some @returns {Crop[][]} */
function batchesOf(hole, some) {
  const crops = cutBlocks(some).map((blocks) => cropOf(hole, some, blocks));
  /** @type {Crop[][]} */
  const waves = [];
  /** @type {number[]} */
  const turns = [];
  for (const crop of crops) {
    // a hole that was cut goes on from what the crop before made of it
    const turn = 1 + turns.reduce((last, other, at) => (touches(crop.box, crops[at].box) ? Math.max(last, other) : last), -1);
    turns.push(turn);
    (waves[turn] ??= []).push(crop);
  }
  return waves.flatMap(ofOneShape);
}

/** @param {Crop[]} crops @returns {Crop[][]} */
function ofOneShape(crops) {
  /** @type {Map<string, Crop[]>} */
  const shapes = new Map();
  for (const crop of crops) {
    const key = shapeOf(crop.window).join();
    if (!shapes.has(key)) shapes.set(key, []);
    shapes.get(key)?.push(crop);
  }
  const sorted = [...shapes.values()].sort(([a], [b]) => {
    const [one, other] = [shapeOf(a.window), shapeOf(b.window)];
    return one[0] - other[0] || one[1] - other[1];
  });
  return sorted.flatMap((same) => {
    const [height, width] = shapeOf(same[0].window);
    const most = Math.max(1, Math.floor((MAX_SIDE_PX * MAX_SIDE_PX) / (height * width)));
    return Array.from({length: Math.ceil(same.length / most)}, (_, at) => same.slice(at * most, (at + 1) * most));
  });
}

/** Whether two boxes overlap, or share an edge or a corner. @param {Box} a @param {Box} b */
export const touches = (a, b) => a.top <= b.bottom && b.top <= a.bottom && a.left <= b.right && b.left <= a.right;

/** The crop of the hole pixels in a rectangle of blocks. @param {Grid} hole @param {Grid} some @param {Box} blocks @returns {Crop} */
function cropOf(hole, some, blocks) {
  /** @type {[number, number]} */
  const size = [hole.height, hole.width];
  const {top, left, bottom, right} = inPixels(blocks, size);
  const box = {top: bottom, left: right, bottom: top, right: left};
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (!hole.data[y * hole.width + x] || !some.data[(y >> 3) * some.width + (x >> 3)]) continue;
      [box.top, box.bottom] = [Math.min(box.top, y), y + 1];
      [box.left, box.right] = [Math.min(box.left, x), Math.max(box.right, x + 1)];
    }
  }
  const window = grown(box, CONTEXT_PX, size);
  [window.top, window.bottom] = rounded(window.top, window.bottom, size[0]);
  [window.left, window.right] = rounded(window.left, window.right, size[1]);
  return {box, window};
}

/** A rectangle of blocks, in pixels. @param {Box} part @param {[number, number]} size @returns {Box} */
const inPixels = (part, [height, width]) => ({
  top: part.top * BLOCK_PX,
  left: part.left * BLOCK_PX,
  bottom: Math.min(height, part.bottom * BLOCK_PX),
  right: Math.min(width, part.right * BLOCK_PX),
});

/** Grow a span to a multiple of `STEP_PX`, within the photo. @param {number} start @param {number} stop @param {number} size */
function rounded(start, stop, size) {
  const length = Math.min(size, Math.ceil((stop - start) / STEP_PX) * STEP_PX);
  const from = Math.min(Math.max(0, start - ((length - (stop - start)) >> 1)), size - length);
  return [from, from + length];
}

/** Cut a grid of blocks into rectangles, as long as that saves work or one is too large. @param {Grid} some @returns {Box[]} */
function cutBlocks(some) {
  const whole = tight(some, {top: 0, left: 0, bottom: some.height, right: some.width});
  return whole ? cheapest(some, whole).parts : [];
}

/**
 * A rectangle of blocks in as many as are cheapest, and what they cost, in pixels of the network.
 * @param {Grid} some @param {Box} part @returns {{cost: number, parts: Box[]}}
 */
function cheapest(some, part) {
  const [rows, columns] = shapeOf(part), [height, width] = [rows * BLOCK_PX, columns * BLOCK_PX];
  const sides = [height + 2 * CONTEXT_PX, width + 2 * CONTEXT_PX];
  const cost = sides[0] * sides[1] + OVERHEAD_PX, fits = Math.max(...sides) <= MAX_SIDE_PX;
  // no cut would save much
  if (fits && (Math.max(height, width) <= 2 * CONTEXT_PX || 2 * countIn(some, part) > rows * columns)) {
    return {cost, parts: [part]};
  }
  const apart = halves(some, part).map((half) => cheapest(some, half));
  const total = apart[0].cost + apart[1].cost;
  return fits && cost <= total ? {cost, parts: [part]} : {cost: total, parts: apart.flatMap(({parts}) => parts)};
}

/** @param {Grid} some @param {Box} part */
function countIn(some, part) {
  let count = 0;
  for (let y = part.top; y < part.bottom; y++) {
    for (let x = part.left; x < part.right; x++) count += some.data[y * some.width + x];
  }
  return count;
}

/**
 * The cut after which the two bounding boxes are smallest; a more even cut may cost a little more.
 * @param {Grid} some @param {Box} part @returns {Box[]}
 */
function halves(some, part) {
  let best = {area: Infinity, axis: 0, at: 0};
  for (const axis of [0, 1]) {
    const spans = spansOf(some, part, axis), length = spans.length;
    if (length < 2) continue;
    const before = areasOf(spans), after = areasOf(spans.reverse());
    for (let at = 1; at < length; at++) {
      const area = (before[at - 1] + after[length - at - 1]) * (1 + UNEVEN * Math.abs((2 * at) / length - 1));
      if (area < best.area) best = {area, axis, at};
    }
  }
  const {axis, at} = best;
  const parts = axis === 0
    ? [{...part, bottom: part.top + at}, {...part, top: part.top + at}]
    : [{...part, right: part.left + at}, {...part, left: part.left + at}];
  return parts.map((one) => /** @type {Box} */ (tight(some, one)));
}

/**
 * First and last marked block of each row (axis 0) or column (axis 1) of a part; null where there is none.
 * @param {Grid} some @param {Box} part @param {number} axis @returns {([number, number] | null)[]}
 */
function spansOf(some, part, axis) {
  const [rows, columns] = shapeOf(part), [lines, points] = axis ? [columns, rows] : [rows, columns];
  const [step, along] = axis ? [1, some.width] : [some.width, 1], start = part.top * some.width + part.left;
  return Array.from({length: lines}, (_, line) => {
    let first = -1, last = -1;
    for (let point = 0; point < points; point++) {
      if (!some.data[start + line * step + point * along]) continue;
      if (first < 0) first = point;
      last = point;
    }
    return first < 0 ? null : [first, last];
  });
}

/** Area, with context, of the bounding box of the first 1, 2, ... lines. @param {([number, number] | null)[]} spans */
function areasOf(spans) {
  const padding = (2 * CONTEXT_PX) / BLOCK_PX;
  let left = Infinity, right = -1, last = 0;
  return spans.map((span, at) => {
    if (span) [left, right, last] = [Math.min(left, span[0]), Math.max(right, span[1]), at];
    return (last + 1 + padding) * (right - left + 1 + padding);
  });
}

/** The smallest rectangle around the marked blocks of a rectangle; null without any. @param {Grid} some @param {Box} part */
function tight(some, part) {
  const box = {top: part.bottom, left: part.right, bottom: part.top, right: part.left};
  for (let y = part.top; y < part.bottom; y++) {
    for (let x = part.left; x < part.right; x++) {
      if (!some.data[y * some.width + x]) continue;
      [box.top, box.bottom] = [Math.min(box.top, y), y + 1];
      [box.left, box.right] = [Math.min(box.left, x), Math.max(box.right, x + 1)];
    }
  }
  return box.bottom > box.top ? box : null;
}
