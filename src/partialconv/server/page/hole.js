// The hole at the resolution of the photo: one byte a pixel, and what is above HALF is hole.
// A soft brush raises pixels step by step; what is sent is exactly 0 or 255 (see png.js).

export const HALF = 127;
const TILE = 256;
const FLOW = 0.35; // share of a soft brush's rim that one dab adds

export class Hole {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.levels = new Uint8Array(width * height);
    this.columns = Math.ceil(width / TILE);
    this.rows = Math.ceil(height / TILE);
    this.counts = new Uint32Array(this.columns * this.rows);
    this.total = 0;
    this.kept = new Map(); // tiles as they were before the change that goes on
  }

  get ratio() {
    return this.total / this.levels.length;
  }

  // Every change: touch() first, then write, and commit() when the gesture ends.

  touch(left, top, right, bottom) {
    const from = Math.floor(left / TILE), to = Math.floor((right - 1) / TILE);
    for (let row = Math.floor(top / TILE); row <= Math.floor((bottom - 1) / TILE); row++) {
      for (let column = from; column <= to; column++) {
        const tile = row * this.columns + column;
        if (!this.kept.has(tile)) this.kept.set(tile, this.copy(tile));
      }
    }
  }

  commit() {
    const patch = new Map();
    for (const [tile, before] of this.kept) {
      const now = this.copy(tile);
      if (before.some((level, at) => level !== now[at])) {
        patch.set(tile, pack(before));
        this.recount(tile, now);
      }
    }
    this.kept.clear();
    return patch.size ? patch : null;
  }

  // Put tiles back; gives the patch that undoes this.
  swap(patch) {
    const back = new Map();
    for (const [tile, packed] of patch) {
      const levels = unpack(packed);
      back.set(tile, pack(this.copy(tile)));
      this.paste(tile, levels);
      this.recount(tile, levels);
    }
    return back;
  }

  // Set one pixel, and count it at once: for proposals, which change while a slider moves.
  put(at, level) {
    const change = (level > HALF) - (this.levels[at] > HALF);
    this.levels[at] = level;
    if (!change) return;
    this.total += change;
    this.counts[this.tileOf(at)] += change;
  }

  stroke(from, to, radius, hardness, erase) {
    const box = this.clip(
      Math.min(from.x, to.x) - radius, Math.min(from.y, to.y) - radius,
      Math.max(from.x, to.x) + radius, Math.max(from.y, to.y) + radius,
    );
    if (!box) return null;
    this.touch(...box);
    if (hardness >= 1) {
      const value = erase ? 0 : 255;
      for (let y = box[1]; y < box[3]; y++) {
        const span = capsuleSpan(from, to, radius, y + 0.5);
        if (span) this.fillRow(y, span[0], span[1], value);
      }
    } else {
      const length = Math.hypot(to.x - from.x, to.y - from.y);
      const steps = Math.max(1, Math.ceil(length / Math.max(1, radius / 4)));
      for (let step = 1; step <= steps; step++) {
        const share = step / steps;
        this.dab(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share, radius, hardness, erase);
      }
    }
    return box;
  }

  dab(x, y, radius, hardness, erase) {
    const box = this.clip(x - radius, y - radius, x + radius, y + radius);
    if (!box) return;
    const core = radius * hardness;
    for (let row = box[1]; row < box[3]; row++) {
      for (let column = box[0]; column < box[2]; column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        if (distance > radius) continue;
        const rim = (radius - distance) / (radius - core);
        const amount = distance <= core ? 255 : 255 * FLOW * rim;
        const at = row * this.width + column;
        const level = this.levels[at] + (erase ? -amount : amount);
        this.levels[at] = Math.max(0, Math.min(255, level));
      }
    }
  }

  // Points in pixels; inside by the winding number, so that loops that cross themselves have no gaps.
  polygon(points, erase) {
    const xs = points.map((p) => p.x), ys = points.map((p) => p.y);
    const box = this.clip(least(xs), least(ys), most(xs), most(ys));
    if (!box || points.length < 3) return null;
    this.touch(...box);
    for (let y = box[1]; y < box[3]; y++) {
      const crossings = [];
      for (let i = 0; i < points.length; i++) {
        const a = points[i], b = points[(i + 1) % points.length];
        if (a.y <= y + 0.5 !== b.y <= y + 0.5) {
          crossings.push([a.x + ((y + 0.5 - a.y) * (b.x - a.x)) / (b.y - a.y), a.y < b.y ? 1 : -1]);
        }
      }
      crossings.sort((a, b) => a[0] - b[0]);
      let winding = 0;
      for (let i = 0; i + 1 < crossings.length; i++) {
        winding += crossings[i][1];
        if (winding) this.fillRow(y, crossings[i][0], crossings[i + 1][0], erase ? 0 : 255);
      }
    }
    return box;
  }

  rectangle(a, b, erase) {
    const [left, top] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
    const [right, bottom] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
    return this.polygon([{x: left, y: top}, {x: right, y: top}, {x: right, y: bottom}, {x: left, y: bottom}], erase);
  }

  clear() {
    const box = this.touchUsed();
    this.levels.fill(0);
    return box;
  }

  invert() {
    const box = this.touchAll();
    for (let at = 0; at < this.levels.length; at++) this.levels[at] = this.levels[at] > HALF ? 0 : 255;
    return box;
  }

  // Levels of a whole picture of this size.
  replace(levels) {
    const box = this.touchAll();
    this.levels.set(levels);
    return box;
  }

  // Grow by a disc, or shrink: grow what is no hole. The border of the photo does not shrink.
  grow(radius, shrink) {
    const box = shrink ? this.bounds(1) : this.bounds(radius);
    if (!box) return null;
    const [left, top, right, bottom] = box;
    this.touch(...box);
    const width = right - left, height = bottom - top, far = radius + 1;
    const isSource = shrink ? (level) => level <= HALF : (level) => level > HALF;
    const across = new Uint8Array(width * height).fill(far); // distance along the row to the nearest source
    for (let y = 0; y < height; y++) {
      const at = (y + top) * this.width + left;
      for (let x = 0, since = far; x < width; x++) {
        since = isSource(this.levels[at + x]) ? 0 : Math.min(far, since + 1);
        across[y * width + x] = since;
      }
      for (let x = width - 1, since = far; x >= 0; x--) {
        since = across[y * width + x] === 0 ? 0 : Math.min(far, since + 1);
        if (since < across[y * width + x]) across[y * width + x] = since;
      }
    }
    const reach = Array.from({length: radius + 1}, (_, dy) => Math.floor(Math.sqrt(radius * radius - dy * dy + 0.25 * radius)));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let near = false;
        for (let dy = -Math.min(radius, y); dy <= radius && y + dy < height && !near; dy++) {
          near = across[(y + dy) * width + x] <= reach[Math.abs(dy)];
        }
        const at = (y + top) * this.width + left + x;
        if (near) this.levels[at] = shrink ? 0 : 255;
        else if (!shrink && this.levels[at] <= HALF) this.levels[at] = 0;
      }
    }
    return box;
  }

  // The half width of the widest place of the hole, in pixels, up to a few per cent.
  depth() {
    const box = this.bounds(1);
    if (!box) return 0;
    const [left, top, right, bottom] = box;
    const step = Math.max(1, Math.ceil(Math.max(right - left, bottom - top) / 384));
    const width = Math.ceil((right - left) / step) + 2, height = Math.ceil((bottom - top) / step) + 2;
    const far = new Float32Array(width * height);
    let deepest = 0;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const column = left + (x - 1) * step, row = top + (y - 1) * step, at = y * width + x;
        if (this.levels[row * this.width + column] <= HALF) continue;
        // what lies beyond the border of the photo is as unknown as the hole
        const beyond = (value, outside) => (outside ? 1e6 : value);
        far[at] = Math.min(
          beyond(far[at - 1], column === 0) + 1, beyond(far[at - width], row === 0) + 1,
          far[at - width - 1] + 1.4, far[at - width + 1] + 1.4,
        );
      }
    }
    for (let y = height - 2; y > 0; y--) {
      for (let x = width - 2; x > 0; x--) {
        const at = y * width + x;
        if (far[at] === 0) continue;
        const right2 = left + x * step >= this.width, below = top + y * step >= this.height;
        far[at] = Math.min(
          far[at], (right2 ? 1e6 : far[at + 1]) + 1, (below ? 1e6 : far[at + width]) + 1,
          (right2 || below ? 1e6 : far[at + width + 1]) + 1.4, (below ? 1e6 : far[at + width - 1]) + 1.4,
        );
        deepest = Math.max(deepest, far[at]);
      }
    }
    return deepest * step;
  }

  // Around all tiles with hole in them, and a margin.
  bounds(margin) {
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
    this.counts.forEach((count, tile) => {
      if (!count) return;
      const column = tile % this.columns, row = Math.floor(tile / this.columns);
      [left, right] = [Math.min(left, column), Math.max(right, column)];
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    });
    if (right < 0) return null;
    return this.clip(left * TILE - margin, top * TILE - margin, (right + 1) * TILE + margin, (bottom + 1) * TILE + margin);
  }

  // Around what is hole, to the pixel.
  extent() {
    const around = this.bounds(0);
    if (!around) return null;
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
    for (let y = around[1]; y < around[3]; y++) {
      for (let x = around[0], at = y * this.width + x; x < around[2]; x++, at++) {
        if (this.levels[at] <= HALF) continue;
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), y];
      }
    }
    return right < 0 ? null : [left, top, right + 1, bottom + 1];
  }

  clip(left, top, right, bottom) {
    const box = [
      Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top)),
      Math.min(this.width, Math.ceil(right)), Math.min(this.height, Math.ceil(bottom)),
    ];
    return box[0] < box[2] && box[1] < box[3] ? box : null;
  }

  touchAll() {
    const box = [0, 0, this.width, this.height];
    this.touch(...box);
    return box;
  }

  // Tiles in which anything is painted, however faint.
  touchUsed() {
    const {levels, width, height} = this;
    for (let tile = 0; tile < this.counts.length; tile++) {
      const [left, top, right, bottom] = this.box(tile);
      let used = this.counts[tile] > 0;
      for (let y = top; y < bottom && !used; y++) {
        for (let at = y * width + left; at < y * width + right && !used; at++) used = levels[at] > 0;
      }
      if (used) this.touch(left, top, right, bottom);
    }
    return [0, 0, width, height];
  }

  touchPlaces(places) {
    for (const at of places) {
      const tile = this.tileOf(at);
      if (!this.kept.has(tile)) this.kept.set(tile, this.copy(tile));
    }
  }

  tileOf(at) {
    const x = at % this.width, y = (at - x) / this.width;
    return Math.floor(y / TILE) * this.columns + Math.floor(x / TILE);
  }

  fillRow(y, from, to, value) {
    // pixels whose centre lies between
    const start = Math.max(0, Math.ceil(from - 0.5)), end = Math.min(this.width, Math.ceil(to - 0.5));
    if (start < end) this.levels.fill(value, y * this.width + start, y * this.width + end);
  }

  box(tile) {
    const left = (tile % this.columns) * TILE, top = Math.floor(tile / this.columns) * TILE;
    return [left, top, Math.min(this.width, left + TILE), Math.min(this.height, top + TILE)];
  }

  copy(tile) {
    const [left, top, right, bottom] = this.box(tile), width = right - left;
    const levels = new Uint8Array(width * (bottom - top));
    for (let y = top; y < bottom; y++) {
      levels.set(this.levels.subarray(y * this.width + left, y * this.width + right), (y - top) * width);
    }
    return levels;
  }

  paste(tile, levels) {
    const [left, top, right, bottom] = this.box(tile), width = right - left;
    for (let y = top; y < bottom; y++) {
      this.levels.set(levels.subarray((y - top) * width, (y - top + 1) * width), y * this.width + left);
    }
  }

  recount(tile, levels) {
    let count = 0;
    for (const level of levels) if (level > HALF) count++;
    this.total += count - this.counts[tile];
    this.counts[tile] = count;
  }
}

const least = (values) => values.reduce((a, b) => Math.min(a, b));
const most = (values) => values.reduce((a, b) => Math.max(a, b));

// Where a row crosses everything at most `radius` from the line between two points: convex, so one span.
function capsuleSpan(a, b, radius, y) {
  let from = Infinity, to = -Infinity;
  const add = (x) => { from = Math.min(from, x); to = Math.max(to, x); };
  for (const end of [a, b]) {
    const rest = radius * radius - (y - end.y) ** 2;
    if (rest >= 0) { add(end.x - Math.sqrt(rest)); add(end.x + Math.sqrt(rest)); }
  }
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  if (length > 0) {
    const nx = (-(b.y - a.y) / length) * radius, ny = ((b.x - a.x) / length) * radius;
    const corners = [[a.x + nx, a.y + ny], [b.x + nx, b.y + ny], [b.x - nx, b.y - ny], [a.x - nx, a.y - ny]];
    corners.forEach(([x0, y0], i) => {
      const [x1, y1] = corners[(i + 1) % 4];
      if (y0 <= y !== y1 <= y) add(x0 + ((y - y0) * (x1 - x0)) / (y1 - y0));
    });
  }
  return from <= to ? [from, to] : null;
}

// Runs of equal levels: a tile of a painted hole takes some hundred bytes instead of 65,536.
function pack(levels) {
  const runs = [];
  for (let at = 0; at < levels.length;) {
    const start = at, level = levels[at];
    while (at < levels.length && levels[at] === level) at++;
    runs.push(level, at - start);
  }
  return {length: levels.length, runs: Uint32Array.from(runs)};
}

function unpack({length, runs}) {
  const levels = new Uint8Array(length);
  for (let i = 0, at = 0; i < runs.length; i += 2) levels.fill(runs[i], at, (at += runs[i + 1]));
  return levels;
}
