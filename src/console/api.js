// How does the console ask the bridge? Its own API, with the session's cookie; every change carries the CSRF token.
import { language } from "./say.js";

/** Who is logged in, as the bridge last said; the CSRF token of that session. */
let known = null;
let csrf = "";

/** Why the bridge refused, in the operator's language: a problem document. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    Object.assign(this, { status, problem, retryAfter });
  }
}

/** Asks; the answer's JSON, or null where there is none. Where the session is another one by now, it is asked for and the call made once more. */
export async function ask(method, path, body, signal) {
  const sent = { known, csrf };
  try {
    return await once(method, path, body, signal);
  } catch (error) {
    const stale = error.status === 401 || (error.status === 403 && method !== "GET");
    if (!stale || (path === SESSION && method !== "DELETE") || !(await resumed(sent))) throw error;
    return once(method, path, body, signal);
  }
}

async function once(method, path, body, signal) {
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
  throw new Refused(answer.status, told || { title: `HTTP ${answer.status}` }, Number(answer.headers.get("retry-after")) || 0);
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const post = (path, body, signal) => ask("POST", path, body, signal);
export const patch = (path, body) => ask("PATCH", path, body);
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

const SESSION = "/console/session";
let asking = null;

function keep(session) {
  csrf = session?.csrf || "";
  return (known = session?.role ? session : null);
}

export const whoAmI = async () => keep(await get(SESSION));
export const logIn = async (token) => keep(await post(SESSION, { token }));

/** Whether a call that was refused may be made again: another tab's login, or the proxy's word after a restart, began a new session of the same person. Whoever else is in now, or nobody, is told to the page. */
async function resumed(sent) {
  if (!sent.known) return false;
  if (sent.csrf === csrf) await (asking ??= whoAmI().finally(() => (asking = null)));
  if (["name", "role", "by"].every((what) => known?.[what] === sent.known[what])) return sent.csrf !== csrf;
  dispatchEvent(new CustomEvent("session-changed", { detail: known }));
  return false;
}

/** A session that has ended already needs no end. */
export async function logOut() {
  try {
    await del(SESSION);
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  keep(null);
}
