// One photo, what was painted on it, its fills, and the way back and forth between them.

import {Hole} from "./hole.js";
import {decode, patched} from "./view.js";

const DECODED = 3; // states kept as pixels besides the photo; the others are files, and decoded when they are shown

export class Session {
  // `shown`: a picture that the browser can decode, where it cannot decode `blob`; `kept`: see server.js.
  constructor(name, blob, picture, shown, kept) {
    this.name = name;
    this.hole = new Hole(picture.width, picture.height);
    // every fill adds one; its file, the server's bytes, is there or can be had by server.fileOf
    this.states = [{blob, picture, shown, kept, label: "Photo"}];
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
    if (!state.picture) {
      const patches = [];
      let base = state;
      for (; base.patch && !base.picture; base = base.from) patches.unshift(base.patch);
      const picture = base.picture ?? (await decode(base.shown ?? base.blob));
      state.picture = patches.length ? await patched(picture, patches) : picture;
      if (picture !== base.picture && picture !== state.picture) picture.close();
    }
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
  filled({seconds, ...state}) {
    const from = this.at, box = this.hole.extent();
    this.hole.clear();
    const patch = this.hole.commit() ?? new Map();
    this.states.push({...state, seconds, box, from: this.states[from], label: `Fill ${this.states.length}`});
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

  // The name of a file: that of the photo, with the suffix of what it is.
  fileName(suffix, file) {
    const [, stem, own] = /^(.*?)(\.[^.]*)?$/.exec(this.name);
    const known = {"image/jpeg": [".jpg", ".jpeg"], "image/png": [".png"], "image/webp": [".webp"], "image/tiff": [".tif", ".tiff"], "image/bmp": [".bmp"]};
    const fitting = known[file?.type] ?? [own ?? ""];
    return `${stem}${suffix}${fitting.includes((own ?? "").toLowerCase()) ? own : fitting[0]}`;
  }

  close() {
    for (const {picture} of this.states) picture?.close();
  }
}
