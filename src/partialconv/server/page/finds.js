// What was found, as a map of the server tells it: for every pixel at how many sensitivities it is found, and as what.
// From it come the parts at any sensitivity, without asking the server again.

export const STEPS = 200; // sensitivities go from 0 to 1 in so many steps
export const KINDS = ["dust", "scratches", "cracks", "stamp", "text"];
const KIND_STEP = 50; // between the numbers of two kinds in the map

export class Finds {
  // `levels` and `kinds`: a byte a pixel, row by row; a level n is found at the n highest sensitivities.
  constructor(width, height, levels, kinds) {
    this.width = width;
    this.height = height;
    let count = 0;
    for (const level of levels) if (level) count++;
    this.places = new Uint32Array(count); // of all pixels that are found at some sensitivity, in order
    this.levels = new Uint8Array(count);
    this.kinds = new Uint8Array(count);
    this.dropped = new Uint8Array(count); // 1 = somebody said that this is no damage
    for (let at = 0, next = 0; at < levels.length; at++) {
      if (!levels[at]) continue;
      this.places[next] = at;
      this.levels[next] = levels[at];
      this.kinds[next++] = kinds[at];
    }
  }

  // Connected over sides and corners. A part has its kind, that of most of its pixels; its box, whose right and bottom
  // are exclusive; its area; and its runs: indices into `places`, from and to by turns.
  parts(sensitivity) {
    const {starts, ends, rows, lefts} = this.runs(STEPS + 1 - Math.round(sensitivity * STEPS));
    const roots = joined(starts, ends, rows, lefts);
    const found = new Map();
    for (let run = 0; run < starts.length; run++) {
      let part = found.get(roots[run]);
      if (!part) {
        part = {box: [this.width, rows[run], 0, 0], area: 0, votes: new Uint32Array(KINDS.length), out: 0, runs: []};
        found.set(roots[run], part);
      }
      const [from, to] = [starts[run], ends[run]];
      part.box[0] = Math.min(part.box[0], lefts[run]);
      part.box[2] = Math.max(part.box[2], lefts[run] + to - from);
      part.box[3] = rows[run] + 1;
      part.area += to - from;
      part.runs.push(from, to);
      for (let at = from; at < to; at++) {
        part.votes[this.kinds[at]]++;
        part.out += this.dropped[at];
      }
    }
    return Array.from(found.values(), ({votes, out, ...part}) => (
      {...part, kind: KINDS[votes.indexOf(Math.max(...votes))], dropped: 2 * out > part.area}
    ));
  }

  // Runs of neighbours in a row that reach a level.
  runs(least) {
    const {places, levels, width} = this;
    const starts = [], ends = [], rows = [], lefts = [];
    for (let at = 0, last = -2; at < places.length; at++) {
      if (levels[at] < least) continue;
      const place = places[at], left = place % width;
      if (place === last + 1 && left > 0) ends[ends.length - 1] = at + 1;
      else {
        starts.push(at);
        ends.push(at + 1);
        rows.push((place - left) / width);
        lefts.push(left);
      }
      last = place;
    }
    return {starts, ends, rows, lefts};
  }

  // Leave a part out, or take it in again; gives what undoes this.
  drop(part, out) {
    const before = [];
    for (let run = 0; run < part.runs.length; run += 2) {
      const [from, to] = part.runs.slice(run, run + 2);
      before.push([from, this.dropped.slice(from, to)]);
      this.dropped.fill(out ? 1 : 0, from, to);
    }
    return () => {
      for (const [from, values] of before) this.dropped.set(values, from);
    };
  }

  // How far a point of the photo is from a part, in pixels.
  distance(part, {x, y}) {
    let nearest = Infinity;
    for (let run = 0; run < part.runs.length; run += 2) {
      const place = this.places[part.runs[run]], left = place % this.width, top = (place - left) / this.width;
      const right = left + part.runs[run + 1] - part.runs[run];
      nearest = Math.min(nearest, Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - top - 1)));
    }
    return nearest;
  }
}

// The root of each run: the first run of its component. Runs come row by row, so two places walk along two rows.
function joined(starts, ends, rows, lefts) {
  const roots = Uint32Array.from(starts, (_, run) => run);
  const root = (run) => {
    while (roots[run] !== run) run = roots[run] = roots[roots[run]];
    return run;
  };
  for (let above = 0, run = 0; run < starts.length; run++) {
    const right = lefts[run] + ends[run] - starts[run];
    while (rows[above] < rows[run] - 1 || (rows[above] === rows[run] - 1 && lefts[above] + ends[above] - starts[above] < lefts[run])) above++;
    for (let other = above; rows[other] === rows[run] - 1 && lefts[other] <= right; other++) {
      const [a, b] = [root(other), root(run)];
      roots[Math.max(a, b)] = Math.min(a, b);
    }
  }
  return roots.map((_, run) => root(run));
}

// From the PNG of the server.
export async function decodeFinds(blob) {
  const bitmap = await createImageBitmap(blob, {colorSpaceConversion: "none"});
  const {width, height} = bitmap;
  const levels = new Uint8Array(width * height), kinds = new Uint8Array(width * height);
  const strip = Math.min(256, height); // rows at a time: a canvas of a large photo would be larger than some browsers allow
  const context = new OffscreenCanvas(width, strip).getContext("2d", {willReadFrequently: true});
  for (let top = 0; top < height; top += strip) {
    const rows = Math.min(strip, height - top);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const {data} = context.getImageData(0, 0, width, rows);
    for (let at = 0, to = top * width; at < 4 * width * rows; at += 4, to++) {
      if (!data[at]) continue;
      levels[to] = data[at];
      kinds[to] = Math.min(KINDS.length, Math.max(1, Math.round(data[at + 1] / KIND_STEP))) - 1;
    }
  }
  bitmap.close();
  return new Finds(width, height, levels, kinds);
}
