// Talking to the server, by addresses relative to the page, which may lie behind a proxy's path. The token of the address (#token=...) stays in this tab, and leaves the address bar.

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem("token", given);
  history.replaceState(null, "", location.pathname);
}

export class Refusal extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

async function call(address, form, signal, accept = "application/json") {
  const headers = {Accept: accept};
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(address, {method: form ? "POST" : "GET", headers, body: form, signal});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("offline", "The server does not answer. Is it still running?", 0);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  const {code, message} = problem?.error ?? {code: "unknown", message: `The server answered ${response.status}.`};
  throw new Refusal(code, message, response.status);
}

export const models = async () => (await call("api/models")).json();

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, value);
  return form;
}

// Whether a photo can be filled; a refusal says why not. `kept` is the name under which the server keeps it decoded,
// which nobody else knows; null if it does not.
export async function look(photo, signal) {
  const keep = random();
  const {kept} = await (await call("api/look", formOf({photo, keep}), signal)).json();
  return {kept: kept ? keep : null};
}

async function parts(address, fields, signal) {
  const response = await call(address, formOf(fields), signal, "multipart/form-data");
  const answer = await response.formData();
  return {file: answer.get("file"), report: JSON.parse(await answer.get("report").text())};
}

// Files and findings, while `tell` is called with the share that is done, 0 to 1, or with null while they wait for their turn.
async function slowParts(address, fields, signal, tell) {
  const ticket = random();
  let asking = true;
  const ask = async () => {
    while (asking) {
      await new Promise((done) => setTimeout(done, 500));
      if (!asking) return;
      const answer = await call(`api/progress?ticket=${ticket}`).catch(() => null);
      const {state, share} = (await answer?.json()) ?? {};
      if (asking && state) tell(state === "filling" ? share : null);
    }
  };
  ask();
  try {
    return await parts(address, {...fields, hole_color: "white", ticket}, signal);
  } finally {
    asking = false;
  }
}

// Fill a state of the session. Of a photo that the server keeps only the changed pixels come back: `patch`, see view.js.
// Of another one the whole file. What the server has forgotten is sent again, once.
export async function fill(state, hole, model, signal, tell) {
  for (let again = true; state.kept; again = false) {
    const keep = random();
    try {
      const {file, report} = await slowParts("api/change", {hole, model, kept: state.kept, keep}, signal, tell);
      return {patch: {file, ...report.tiles}, report, kept: keep};
    } catch (error) {
      if (error.code !== "forgotten") throw error;
    }
    state.kept = again ? (await look(await fileOf(state, signal), signal)).kept : null;
  }
  return slowParts("api/fill", {photo: await fileOf(state, signal), hole, model}, signal, tell);
}

// The file of a state; if the server has forgotten it, it is filled anew from the state before, and is the same.
export async function fileOf(state, signal) {
  const made = async (error) => {
    if (error.code !== "forgotten") throw error;
    const {from, hole, model} = state;
    return slowParts("api/fill", {photo: await fileOf(from, signal), hole, model}, signal, () => {});
  };
  state.blob ??= (await parts("api/result", {kept: state.kept}, signal).catch(made)).file;
  return state.blob;
}

// The map of finds.js; nothing is found in the hole, which may be undefined.
export const find = (photo, hole, signal, tell) => slowParts("api/find", {photo, hole, answer: "map"}, signal, tell);
export const doctor = (photo, hole) => parts("api/doctor", {photo, hole});
export const plan = (hole, model, signal) => parts("api/plan", {hole, hole_color: "white", model}, signal);
export const show = async (photo) => (await parts("api/show", {photo})).file;
