// The proposal: what was found is shown as paint, and thinned out or added to, until it is kept or thrown away.

import {KINDS} from "./finds.js";
import * as words from "./words.js";

const FAINT = 96; // level of what was left out: seen, but no hole
const REACH = {mouse: 8, touch: 18}; // screen pixels from a find that still mean it

const $ = (id) => document.getElementById(id);

export class Finding {
  // `changed` is called when the proposal begins, changes or ends; `say` tells people something.
  constructor(stage, view, tools, say, changed) {
    Object.assign(this, {stage, view, tools, say, changed});
    this.finds = null; // see finds.js; null = there is no proposal
    this.label = stage.getAttribute("aria-label");
    this.boxes = new Map(KINDS.map((kind) => [kind, this.checkbox(kind)]));
    $("sensitivity").oninput = () => {
      cancelAnimationFrame(this.pending); // a slider moves more often than the screen is drawn
      this.pending = requestAnimationFrame(() => this.refresh());
    };
    stage.addEventListener("pointermove", (event) => this.hover(event));
  }

  get active() {
    return this.finds !== null;
  }

  checkbox(kind) {
    const label = document.createElement("label"), input = document.createElement("input"), count = document.createElement("output");
    [input.type, input.checked, label.title] = ["checkbox", true, words.KINDS[kind][1]];
    input.onchange = () => this.refresh();
    label.append(input, ` ${words.KINDS[kind][0]} `, count);
    $("kinds").append(label);
    return {label, input, count};
  }

  start(session, finds) {
    this.session = session;
    this.finds = finds;
    this.base = Uint8Array.from(finds.places, (place) => session.hole.levels[place]);
    session.hole.touchPlaces(finds.places);
    this.done = []; // what was left out or taken in again
    this.undone = [];
    this.chosen = null; // number of the find that the keyboard is at
    for (const [kind, {label, input}] of this.boxes) {
      label.hidden = !finds.kinds.includes(KINDS.indexOf(kind));
      input.checked = true;
    }
    this.tools.picking = (point, event) => this.tap(point, event);
    this.stage.setAttribute("aria-label", "The photo. Arrow keys go from find to find, Delete leaves one out, Enter fills.");
    document.body.dataset.finding = "yes";
    this.refresh();
    document.body.style.setProperty("--tools", `${$("tools").offsetHeight}px`);
    this.view.fitAgain();
  }

  // Show the parts that pass the slider and the kinds.
  refresh() {
    if (!this.finds) return;
    const {finds, base, session: {hole}} = this;
    const all = finds.parts($("sensitivity").value / 100);
    const next = base.slice();
    this.parts = all.filter(({kind}) => this.boxes.get(kind).input.checked);
    for (const {runs, dropped} of this.parts) {
      for (let run = 0; run < runs.length; run += 2) {
        if (!dropped) next.fill(255, runs[run], runs[run + 1]);
        else for (let at = runs[run]; at < runs[run + 1]; at++) next[at] = Math.max(base[at], FAINT);
      }
    }
    next.forEach((level, at) => {
      if (level !== hole.levels[finds.places[at]]) hole.put(finds.places[at], level);
    });
    const kept = this.parts.filter(({dropped}) => !dropped);
    this.count = kept.length;
    this.session.proposed = kept.reduce((sum, {area}) => sum + area, 0);
    const share = this.session.proposed / hole.levels.length;
    const [text, much] = words.found(this.count, share, matchMedia("(pointer: coarse)").matches);
    if ($("found").textContent !== text) $("found").textContent = text;
    $("found").classList.toggle("much", much);
    $("sensitivity").setAttribute("aria-valuetext", `${$("sensitivity").value} %, ${this.count} finds`);
    for (const [kind, {count}] of this.boxes) {
      count.textContent = all.filter((part) => part.kind === kind && !part.dropped).length;
    }
    if (this.parts[this.chosen]) this.parts[this.chosen].chosen = true;
    this.view.marks = this.parts;
    this.view.draw();
    this.changed();
  }

  // The part at a point of the photo, or near it.
  at(point, kind) {
    const reach = (REACH[kind] ?? REACH.touch) / this.view.scale, {x, y} = point;
    let best = null, nearest = reach;
    for (const part of this.parts) {
      const [left, top, right, bottom] = part.box;
      if (x < left - reach || x > right + reach || y < top - reach || y > bottom + reach) continue;
      const distance = this.finds.distance(part, point);
      if (distance < nearest || (distance === nearest && part.area < best?.area)) [best, nearest] = [part, distance];
    }
    return best;
  }

  hover(event) {
    const over = this.finds && event.pointerType === "mouse" && !event.buttons && !event.target.closest("button");
    const box = over && this.stage.getBoundingClientRect();
    const point = over && this.view.toPhoto({x: event.clientX - box.left, y: event.clientY - box.top});
    this.stage.classList.toggle("pickable", Boolean(over && this.at(point, "mouse")));
  }

  tap(point, event) {
    const part = !this.view.before && this.at(point, event.pointerType);
    if (part) this.toggle(part);
  }

  // Leave a part out, or take it in again.
  toggle(part) {
    const out = !part.dropped;
    this.done.push({part, out, back: this.finds.drop(part, out)});
    this.undone = [];
    this.refresh();
  }

  undo() {
    const step = this.done.pop();
    if (!step) return this.leave();
    step.back();
    this.undone.push(step);
    this.refresh();
  }

  redo() {
    const step = this.undone.pop();
    if (!step) return;
    step.back = this.finds.drop(step.part, step.out);
    this.done.push(step);
    this.refresh();
  }

  // For keys: the next find or the one before it, from top to bottom.
  step(by) {
    const {length} = this.parts;
    if (!length) return;
    this.chosen = this.chosen === null ? (by > 0 ? 0 : length - 1) : (this.chosen + by + length) % length;
    this.refresh();
    this.view.reveal(this.parts[this.chosen].box);
    this.tell();
  }

  toggleChosen() {
    if (!this.parts[this.chosen]) return;
    this.toggle(this.parts[this.chosen]);
    this.tell();
  }

  tell() {
    if (this.parts[this.chosen]) this.say(words.oneFind(this.parts[this.chosen], this.chosen + 1, this.parts.length));
  }

  // What is proposed becomes paint, in one step of undo; what was left out is gone.
  keep() {
    this.end((level, at) => (level === 255 ? 255 : this.base[at]));
    this.session.touched ||= this.count > 0;
  }

  // The hole is as it was before.
  leave() {
    this.end((_, at) => this.base[at]);
  }

  end(level) {
    if (!this.finds) return;
    const {hole} = this.session;
    this.finds.places.forEach((place, at) => hole.put(place, level(hole.levels[place], at)));
    this.session.painted();
    this.session.proposed = 0;
    this.finds = this.tools.picking = null;
    this.view.marks = [];
    this.stage.classList.remove("pickable");
    this.stage.setAttribute("aria-label", this.label);
    delete document.body.dataset.finding;
    this.view.fitAgain();
    this.view.draw();
    this.changed();
  }
}
