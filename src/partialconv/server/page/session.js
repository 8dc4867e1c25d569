// One photo, what was painted on it, its fills, and the way back and forth between them.

import {Hole} from "./hole.js";
import {decode} from "./view.js";

const DECODED = 3; // states kept as pixels besides the photo; the others are files, and decoded when they are shown

export class Session {
  // `shown`: a picture that the browser can decode, where it cannot decode `blob`.
  constructor(name, blob, picture, shown) {
    this.name = name;
    this.hole = new Hole(picture.width, picture.height);
    this.states = [{blob, picture, shown, label: "Photo"}]; // every fill adds one; their files are the server's bytes
    this.at = 0;
    this.past = []; // of steps: {patch} of the hole, or {patch, state} for a fill or a choice of another state
    this.future = [];
    this.saved = true;
    this.proposed = 0; // pixels of the hole that are a proposal, see finding.js
    this.touched = false; // whether something was painted by hand since the last fill
  }

  // Whether something would be lost.
  get unsaved() {
    return !this.saved || (this.touched && this.hole.total > this.proposed);
  }

  get state() {
    return this.states[this.at];
  }

  // The pixels of a state.
  async picture(state) {
    state.picture ??= await decode(state.shown ?? state.blob);
    const others = this.states.filter((one, at) => at > 0 && one.picture && one !== state && one !== this.state);
    for (const one of others.slice(0, Math.max(0, others.length - DECODED))) {
      one.picture.close();
      one.picture = null;
    }
    return state.picture;
  }

  painted() {
    const patch = this.hole.commit();
    if (patch) this.remember({patch});
    return patch !== null;
  }

  // A fill: its result is a new state, and what was filled is no hole any more.
  filled({blob, picture, shown, report, seconds, hole}) {
    const from = this.at, box = this.hole.extent();
    this.hole.clear();
    const patch = this.hole.commit() ?? new Map();
    this.states.push({blob, picture, shown, report, seconds, hole, box, label: `Fill ${this.states.length}`});
    this.at = this.states.length - 1;
    this.remember({patch, state: from});
    this.saved = this.touched = false;
  }

  choose(at) {
    if (at === this.at) return;
    const from = this.at;
    this.at = at;
    this.remember({patch: new Map(), state: from});
  }

  remember(step) {
    this.past.push(step);
    this.future = [];
  }

  undo() {
    this.walk(this.past, this.future);
  }

  redo() {
    this.walk(this.future, this.past);
  }

  walk(from, to) {
    const step = from.pop();
    if (!step) return;
    const back = {patch: this.hole.swap(step.patch)};
    if (step.state !== undefined) {
      back.state = this.at;
      this.at = step.state;
    }
    to.push(back);
  }

  // The name of the result: that of the photo, with the suffix of what it is.
  fileName(suffix = "-filled") {
    const [, stem, own] = /^(.*?)(\.[^.]*)?$/.exec(this.name);
    const known = {"image/jpeg": [".jpg", ".jpeg"], "image/png": [".png"], "image/webp": [".webp"], "image/tiff": [".tif", ".tiff"], "image/bmp": [".bmp"]};
    const fitting = known[this.state.blob.type] ?? [own ?? ""];
    return `${stem}${suffix}${fitting.includes((own ?? "").toLowerCase()) ? own : fitting[0]}`;
  }

  close() {
    for (const {picture} of this.states) picture?.close();
  }
}
