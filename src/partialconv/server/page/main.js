// The page: a session in the middle, and everything that changes it around.

import {distanceOf, holeOf} from "./distance.js";
import {Finding} from "./finding.js";
import {decodeFinds} from "./finds.js";
import {showHistory} from "./history.js";
import {encodeHole, decodeHole} from "./png.js";
import {listen} from "./pointers.js";
import * as server from "./server.js";
import {Session} from "./session.js";
import {listenForPhotos} from "./sources.js";
import {Tools} from "./tools.js";
import {mayBeTurned} from "./turned.js";
import {decode, fitsCanvas, patched, View} from "./view.js";
import * as words from "./words.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage");
const view = new View(stage, $("photo"), $("holes"));
const tools = new Tools(stage, view, () => {
  if (session) session.touched = true;
  painted();
});
const finding = new Finding(stage, view, tools, say, () => refresh());
let session = null;
let limits = null;
let running = null; // AbortController of the fill or the find that runs
let opening = 0; // counts photos that are being opened, so that the last one wins

// Messages

let silence = 0;
function say(text, bad = false, seconds = 6) {
  clearTimeout(silence);
  if (text) $("message").textContent = text;
  $("message").classList.toggle("shown", Boolean(text));
  $("message").classList.toggle("bad", bad);
  if (text) silence = setTimeout(() => say(""), 1000 * seconds);
}

// Opening

// A photo as the server turns it, and the file that shows it so if it is another one.
async function pictureOf(file) {
  if (!(await mayBeTurned(file))) {
    const picture = await decode(file).catch(() => null);
    if (picture) return [picture, undefined];
  }
  const shown = await server.show(file);
  return [await decode(shown), shown];
}

// `holeFile`: a picture of a hole; `look`: look for damage, and take that picture only where this cannot be done.
async function open(file, holeFile, look) {
  if (running || (session?.unsaved && !confirm("Open another photo? What you painted and did not download is lost."))) return;
  const ticket = ++opening;
  if (limits && file.size > limits.max_bytes) {
    say(`This file is larger than ${Math.round(limits.max_bytes / 1e6)} MB.`, true);
    return;
  }
  let picture, shown, looked;
  const looking = server.look(file).catch((error) => {
    if ([413, 415, 422].includes(error.status)) throw error; // whatever else it is, the photo is not to blame
  });
  try {
    [[picture, shown], looked] = await Promise.all([pictureOf(file), looking]);
  } catch (error) {
    say(words.refusal(error), true);
    return;
  }
  if (limits && picture.width * picture.height > limits.max_pixels) {
    say(`This photo has more than ${Math.round(limits.max_pixels / 1e6)} megapixels. Scale it down first.`, true);
    return picture.close();
  }
  if (ticket !== opening) return picture.close();
  finding.leave();
  session?.close();
  const kept = fitsCanvas(picture) ? looked?.kept : null;
  session = new Session(file.name || "photo", file, picture, shown, kept);
  document.body.dataset.state = "ready";
  const size = document.createElement("small");
  size.textContent = `${picture.width} × ${picture.height}`;
  $("name").replaceChildren(session.name, " ", size);
  document.title = `${session.name} · partialconv`;
  view.hole = tools.hole = session.hole;
  tools.keyed = null;
  compare(false);
  view.photo = picture;
  showDistance();
  view.resize();
  view.fit();
  setSize(sliderOf(20 / view.scale)); // about 40 pixels on the screen
  say("");
  refresh();
  stage.focus({preventScroll: true});
  if (look && (await find())) return;
  if (holeFile) await openHole(holeFile);
  else say("Paint over what should go, or let Find mark the damage.");
}

async function openHole(file) {
  try {
    const {file: read, report} = await server.doctor(await server.fileOf(session.state), file);
    // a hole that looks inverted is shown: one key inverts it
    const usable = report.findings.every(({fatal, code}) => !fatal || code === "inverted");
    if (!usable) return say(words.findings(report), true);
    const {width, height, levels} = await decodeHole(read);
    if (width !== session.hole.width || height !== session.hole.height) return say("The hole has another size.", true);
    session.hole.replace(levels);
    painted();
    if (report.findings.length) say(words.findings(report), true, 10);
  } catch (error) {
    say(words.refusal(error), true);
  }
}

// Painting

function painted() {
  if (!session.painted()) return;
  say("");
  view.draw();
  refresh();
  if ($("distance").checked) showDistance();
  if ($("eager").checked && session.hole.total) fill();
  else (window.requestIdleCallback ?? setTimeout)(() => session && !running && advise());
}

let advised = "";
function advise() {
  const text = words.hint(session.hole);
  if (text && text !== advised) say(text, false, 8);
  advised = text;
}

function change(action) {
  if (!session || running) return;
  action(session.hole);
  session.touched = true;
  painted();
}

function grow(shrink) {
  change((hole) => hole.grow(Math.max(1, Math.round(Math.max(hole.width, hole.height) / 700)), shrink));
}

// Filling

async function fill() {
  if (!session || running) return;
  if (finding.active) finding.keep();
  if (!session.hole.total) return say("Paint over something first.", true);
  const current = session, controller = (running = new AbortController());
  setBusy(true);
  say("");
  const started = performance.now();
  try {
    const hole = await encodeHole(current.hole);
    const model = $("model").value || undefined;
    const {file, patch, report, kept} = await patiently(() =>
      server.fill(current.state, hole, model, controller.signal, tellShare), controller.signal);
    const [picture, shown] = patch ? [await patched(await current.picture(current.state), [patch])] : await pictureOf(file);
    const seconds = (performance.now() - started) / 1000;
    current.filled({blob: file, patch, kept, picture, shown, report, seconds, hole, model});
    await present();
    await showDistance();
    const remarks = [words.findings(report), words.remarks(report)].filter(Boolean);
    say([`Filled in ${seconds.toFixed(seconds < 1 ? 2 : 1)} s.`, ...remarks].join(" "), false, remarks.length ? 8 : 2.5);
  } catch (error) {
    say(error.name === "AbortError" ? "Stopped." : words.refusal(error), true);
  } finally {
    running = null;
    setBusy(false);
  }
}

// Looks for damage outside of what is painted, and proposes it; gives whether the server could.
async function find() {
  if (!session || running || finding.active) return true;
  const current = session, controller = (running = new AbortController());
  compare(false);
  $("distance").checked = false;
  showDistance();
  setBusy(true);
  say("Looking for damage …", false, 60);
  let finds = null;
  try {
    const hole = current.hole.total ? await encodeHole(current.hole) : undefined;
    const {file} = await patiently(async () =>
      server.find(await server.fileOf(current.state, controller.signal), hole, controller.signal, tellShare), controller.signal);
    finds = await decodeFinds(file);
  } catch (error) {
    const stopped = error.name === "AbortError";
    say(stopped ? "Stopped." : words.refusal(error), true);
    return stopped;
  } finally {
    running = null;
    setBusy(false);
  }
  if (finds.places.length) {
    say("");
    finding.start(current, finds);
  } else say("No damage was found. Paint over what should go.");
  return true;
}

// A busy server is asked again, a few times.
async function patiently(ask, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (error.code !== "busy" || attempt === 5) throw error;
      say(words.refusal(error));
      await new Promise((done) => setTimeout(done, 1000 * attempt));
      signal.throwIfAborted();
    }
  }
}

function tellShare(share) {
  if (running) $("fill").textContent = share === null ? "Waiting · Stop" : `${Math.round(100 * share)} % · Stop`;
}

function setBusy(busy) {
  document.body.dataset.state = busy ? "busy" : "ready";
  $("fill").textContent = busy ? "Stop" : "Fill";
  stage.setAttribute("aria-busy", busy);
  refresh();
}

// States of the photo

async function present() {
  const current = session, state = current.state;
  const picture = await current.picture(state);
  if (current !== session || state !== current.state) return;
  view.photo = picture;
  if (current.at === 0) compare(false);
  view.draw();
  refresh();
}

// While asked for: over what is painted, or else over what was filled last.
let asked = 0;
async function showDistance() {
  const ticket = ++asked;
  view.layer?.bitmap.close();
  view.layer = null;
  view.draw();
  const hole = $("distance").checked && session && (await holeOf(session));
  if (!hole) return;
  try {
    const rgb = [0, 8, 16].map((shift) => (view.color >> shift) & 255);
    const layer = await distanceOf(hole, $("model").value || undefined, rgb);
    if (ticket !== asked) return layer.bitmap.close();
    view.layer = layer;
    view.draw();
    say("The stronger the colour, the farther from known pixels, and the more of a guess.", false, 5);
  } catch (error) {
    say(words.refusal(error), true);
  }
}

function walk(step) {
  if (!session || running) return;
  if (finding.active) return finding[step]();
  session[step]();
  present();
  if ($("distance").checked) showDistance();
}

function compare(on) {
  view.before = on ? session.states[0].picture : null;
  $("divider").hidden = !on;
  $("compare").setAttribute("aria-pressed", on);
  if (on) view.divider = 0.5;
  view.draw();
}

function toggleCompare() {
  if (!session || session.at === 0) return session && say("Fill something first.");
  compare(!view.before);
  if (view.before) $("divider").focus({preventScroll: true});
}

function moveDivider(share) {
  view.divider = Math.max(0, Math.min(1, share));
  view.draw();
}

view.changed = () => {
  $("fit").textContent = `${Math.round(100 * view.scale * (devicePixelRatio || 1))}%`;
  if (!view.photo) return;
  const at = view.x + view.divider * view.photo.width * view.scale;
  const top = Math.max(0, view.y), bottom = Math.min(view.height, view.y + view.photo.height * view.scale);
  Object.assign($("divider").style, {left: `${at}px`, top: `${top}px`, height: `${Math.max(60, bottom - top)}px`});
  $("divider").setAttribute("aria-valuenow", Math.round(100 * view.divider));
  if (tools.at && stage.hasAttribute("data-round")) tools.hover(tools.at, {pointerType: "mouse"});
};

function refresh() {
  const busy = Boolean(running), hole = session?.hole;
  $("undo").disabled = busy || !session?.past.length;
  $("redo").disabled = busy || !session?.future.length;
  $("compare").disabled = !session || session.at === 0 || finding.active;
  $("find").disabled = busy;
  $("download").disabled = !session || session.at === 0;
  $("fill").disabled = !busy && !hole?.total;
  for (const id of ["grow", "shrink", "clear", "save-hole"]) $(id).disabled = busy || !hole?.total;
  if (session) showHistory($("history"), session, chooseState);
}

function chooseState(at) {
  if (running) return;
  finding.leave();
  session.choose(at);
  present();
  showDistance();
}

// Downloads: the server's bytes, as they came

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function download() {
  if (!session || session.at === 0) return session && say("Fill something first.");
  const current = session, {state} = current;
  let waiting = false;
  const patience = setTimeout(() => { waiting = true; say("Making the file …", false, 60); }, 700);
  try {
    const file = await patiently(() => server.fileOf(state), new AbortController().signal);
    save(file, current.fileName("-filled", file));
    if (state === current.state) current.saved = true;
    if (waiting) say("");
  } catch (error) {
    say(words.refusal(error), true);
  } finally {
    clearTimeout(patience);
  }
}

async function copy() {
  if (!session || session.at === 0) return session && say("Fill something first.");
  if (!navigator.clipboard?.write) return say("The browser copies pictures only from this computer, or over https.", true);
  const {whole, width, height} = await session.picture(session.state);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").drawImage(whole, 0, 0);
  try {
    await navigator.clipboard.write([new ClipboardItem({"image/png": canvas.convertToBlob({type: "image/png"})})]);
    say("Copied.", false, 2.5);
  } catch {
    say("The browser did not allow copying.", true);
  }
}

async function saveHole() {
  if (!session?.hole.total) return;
  save(await encodeHole(session.hole), session.fileName("-hole").replace(/\.[^.]*$/, "") + ".png");
}

// Tools

function choose(name) {
  tools.name = name;
  stage.dataset.tool = name;
  for (const button of document.querySelectorAll("[data-tool][role=radio]")) {
    const chosen = button.dataset.tool === name;
    button.setAttribute("aria-checked", chosen);
    button.tabIndex = chosen ? 0 : -1;
  }
  tools.hover(tools.at, {pointerType: tools.round ? "mouse" : "touch"});
}

const longest = () => (session ? Math.max(session.hole.width, session.hole.height) / 6 : 200);
const sliderOf = (radius) => (100 * Math.log(2 * radius)) / Math.log(2 * longest());

function setSize(value) {
  $("size").value = value;
  tools.radius = 0.5 * (2 * longest()) ** ($("size").value / 100); // from one pixel to a third of the photo
  $("size").setAttribute("aria-valuetext", `${Math.round(2 * tools.radius)} pixels`);
  if (tools.at && stage.hasAttribute("data-round")) tools.hover(tools.at, {pointerType: "mouse"});
}

function setHardness(value) {
  $("hardness").value = value;
  tools.hardness = $("hardness").value / 100;
  $("options").querySelector("output").textContent = `${$("hardness").value}%`;
}

const middle = () => ({x: view.width / 2, y: view.height / 2});
const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const keys = {
  b: () => choose("brush"), e: () => choose("eraser"), l: () => choose("lasso"), r: () => choose("rectangle"), h: () => choose("move"),
  "[": () => setSize(+$("size").value - 4), "]": () => setSize(+$("size").value + 4),
  "{": () => setHardness(tools.hardness * 100 - 10), "}": () => setHardness(tools.hardness * 100 + 10),
  g: () => grow(false), G: () => grow(true), i: () => change((hole) => hole.invert()), x: () => change((hole) => hole.clear()),
  v: () => { $("distance").checked = !$("distance").checked; showDistance(); },
  f: find, c: toggleCompare, d: download, o: () => pick(), "?": () => $("help").showModal(),
  "+": () => view.zoom(1.25, middle()), "=": () => view.zoom(1.25, middle()), "-": () => view.zoom(0.8, middle()), 0: () => view.fit(),
};

const WHILE_FINDING = ["d", "o", "?", "+", "=", "-", "0"];

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (!session || !"zysc".includes(key) || (key === "c" && String(getSelection()))) return;
    event.preventDefault();
    if (key === "s") return download();
    if (key === "c") return copy();
    if (!tools.active) walk(key === "y" || event.shiftKey ? "redo" : "undo");
    return;
  }
  if (event.key === "Escape") {
    if (tools.active) tools.cancel();
    else if (running) running.abort();
    else if (finding.active) finding.leave();
    else if (view.before) compare(false);
    return;
  }
  const onControl = event.target.closest("input, select, button, [role=slider]");
  if (event.key === "Enter" && !onControl) fill();
  else if (arrows[event.key] && event.target === stage && session) {
    event.preventDefault();
    if (finding.active) finding.step(arrows[event.key][0] + arrows[event.key][1]);
    else tools.step(...arrows[event.key], event.shiftKey);
  } else if (!event.altKey && !event.target.closest("select, input[type=text]") && keys[event.key] && (session || "o?".includes(event.key))) {
    if (!finding.active || WHILE_FINDING.includes(event.key)) keys[event.key]();
  } else if (finding.active && ["Delete", "Backspace"].includes(event.key)) finding.toggleChosen();
});

$("tools").querySelector("[role=radiogroup]").addEventListener("keydown", (event) => {
  const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (!by) return;
  const all = [...event.currentTarget.children];
  const next = all[(all.indexOf(event.target) + by + all.length) % all.length];
  choose(next.dataset.tool);
  next.focus();
});
for (const button of document.querySelectorAll("[data-tool][role=radio]")) button.onclick = () => choose(button.dataset.tool);

$("size").oninput = () => setSize($("size").value);
$("hardness").oninput = () => setHardness($("hardness").value);
$("undo").onclick = () => walk("undo");
$("redo").onclick = () => walk("redo");
$("fill").onclick = () => (running ? running.abort() : fill());
$("find").onclick = find;
$("keep-finds").onclick = () => { finding.keep(); say("Paint over what else should go."); };
$("leave-finds").onclick = () => finding.leave();
$("grow").onclick = () => grow(false);
$("shrink").onclick = () => grow(true);
$("invert").onclick = () => change((hole) => hole.invert());
$("clear").onclick = () => change((hole) => hole.clear());
$("save-hole").onclick = saveHole;
$("load-hole").onclick = () => $("hole-file").click();
$("hole-file").onchange = () => {
  const [file] = $("hole-file").files;
  $("hole-file").value = "";
  if (file && session && !running && !finding.active) openHole(file);
};
$("distance").onchange = showDistance;
$("compare").onclick = toggleCompare;
$("download").onclick = download;
$("out").onclick = () => view.zoom(0.8, middle());
$("in").onclick = () => view.zoom(1.25, middle());
$("fit").onclick = () => view.fit();
$("ask").onclick = () => $("help").showModal();

const divider = $("divider");
divider.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  divider.focus({preventScroll: true});
  divider.setPointerCapture(event.pointerId);
});
divider.addEventListener("pointermove", (event) => {
  if (!divider.hasPointerCapture(event.pointerId)) return;
  const left = stage.getBoundingClientRect().left;
  moveDivider((event.clientX - left - view.x) / (view.photo.width * view.scale));
});
divider.addEventListener("keydown", (event) => {
  const by = {ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1}[event.key];
  if (!by) return;
  event.preventDefault();
  moveDivider(view.divider + by);
});

// Light and dark

const root = document.documentElement;
const night = matchMedia("(prefers-color-scheme: dark)");
function setTheme(theme) {
  if (theme) root.dataset.theme = theme;
  view.setColor(getComputedStyle(root).getPropertyValue("--hole").trim());
}
$("theme").onclick = () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : night.matches;
  localStorage.setItem("theme", dark ? "light" : "dark");
  setTheme(dark ? "light" : "dark");
};
night.onchange = () => setTheme();
setTheme(localStorage.getItem("theme"));

// Start

tools.blocked = () => Boolean(running || view.before || finding.active);
addEventListener("beforeunload", (event) => { if (session?.unsaved) event.preventDefault(); });
listen(stage, view, tools);
const pick = listenForPhotos(open, say);
choose("brush");
setHardness(100);
refresh();
if (["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) $("where").textContent = "Your photo stays on this computer.";
try {
  const answer = await server.models();
  limits = answer.limits;
  for (const {name} of answer.models) $("model").add(new Option(name, name));
  $("models").hidden = answer.models.length < 2;
} catch (error) {
  say(words.refusal(error), true, 30);
}
window.partialconv = {view}; // for the curious, and for tests
document.body.dataset.loaded = "yes"; // everything listens
