// How does the console ask the bridge? Its own API, with the session's cookie; every change carries the CSRF token.
import { language } from "./say.js";

let csrf = "";

/** Why the bridge refused, in the operator's language: a problem document. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    Object.assign(this, { status, problem, retryAfter });
  }
}

/** Asks; the answer's JSON, or null where there is none. */
export async function ask(method, path, body, signal) {
  const headers = { "accept-language": language === "zh" ? "zh-CN" : "en" };
  if (method !== "GET" && csrf) headers["x-csrf-token"] = csrf;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { code: "OFFLINE", title: "offline", detail: "" });
  }
  const text = await answer.text();
  let told = null;
  try {
    told = text ? JSON.parse(text) : null;
  } catch {
    told = null;
  }
  if (answer.ok) return told;
  const refused = new Refused(answer.status, told || { title: `HTTP ${answer.status}` }, Number(answer.headers.get("retry-after")) || 0);
  if (answer.status === 401 && !path.startsWith("/console/")) dispatchEvent(new CustomEvent("session-ended"));
  throw refused;
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const post = (path, body, signal) => ask("POST", path, body, signal);
export const del = (path) => ask("DELETE", path);

/** A path of the API with its segments encoded. */
export const at = (...segments) => `/${segments.map(encodeURIComponent).join("/")}`;

/** Every page of a list, up to `most` items. */
export async function whole(path, signal, most = 2000) {
  const items = [];
  let after = "";
  do {
    const join = path.includes("?") ? "&" : "?";
    const page = await get(after ? `${path}${join}after=${encodeURIComponent(after)}` : path, signal);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < most);
  return items;
}

// ───────────── the session ─────────────

function keep(session) {
  csrf = session?.csrf || "";
  return session?.role ? session : null;
}

export const whoAmI = async () => keep(await get("/console/session"));
export const logIn = async (token) => keep(await post("/console/session", { token }));
export async function logOut() {
  await del("/console/session");
  keep(null);
}
