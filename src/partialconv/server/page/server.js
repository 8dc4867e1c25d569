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

// Whether a photo can be filled; a refusal says why not.
export async function look(photo) {
  const form = new FormData();
  form.append("photo", photo);
  return (await call("api/look", form)).json();
}

async function parts(address, fields, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, value);
  const response = await call(address, form, signal, "multipart/form-data");
  const answer = await response.formData();
  return {file: answer.get("file"), report: JSON.parse(await answer.get("report").text())};
}

// Files and findings, while `tell` is called with the share that is done, 0 to 1, or with null while they wait for their turn.
async function slowParts(address, fields, signal, tell) {
  const ticket = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
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

export const fill = (photo, hole, model, signal, tell) => slowParts("api/fill", {photo, hole, model}, signal, tell);
// The map of finds.js; nothing is found in the hole, which may be undefined.
export const find = (photo, hole, signal, tell) => slowParts("api/find", {photo, hole, answer: "map"}, signal, tell);
export const doctor = (photo, hole) => parts("api/doctor", {photo, hole});
export const plan = (hole, model, signal) => parts("api/plan", {hole, hole_color: "white", model}, signal);
export const show = async (photo) => (await parts("api/show", {photo})).file;
