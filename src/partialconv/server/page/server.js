// Talking to the server. The token of the address (#token=...) stays in this tab, and leaves the address bar.

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

export const models = async () => (await call("/api/models")).json();

async function parts(address, fields, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, value);
  const response = await call(address, form, signal, "multipart/form-data");
  const answer = await response.formData();
  return {file: answer.get("file"), report: JSON.parse(await answer.get("report").text())};
}

export const fill = (photo, hole, model, signal) => parts("/api/fill", {photo, hole, hole_color: "white", model}, signal);
export const doctor = (photo, hole) => parts("/api/doctor", {photo, hole});
export const plan = (hole, model, signal) => parts("/api/plan", {hole, hole_color: "white", model}, signal);
export const show = async (photo) => (await parts("/api/show", {photo})).file;
