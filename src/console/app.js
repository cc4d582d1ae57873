// Which view is shown, to whom, in which language? The address behind # says it; a view that is left stops asking.
import { logOut, whoAmI } from "./api.js";
import { el, fill } from "./dom.js";
import { language, speak, t } from "./say.js";
import { begun, closeQuestions, go, refusal, sure, unfinished } from "./ui.js";
import { login } from "./views/login.js";
import { account } from "./views/account.js";
import { accounts } from "./views/accounts.js";
import { aside } from "./views/aside.js";
import { audit } from "./views/audit.js";
import { bind } from "./views/bind.js";
import { cores } from "./views/cores.js";
import { doctor } from "./views/doctor.js";
import { forwarders } from "./views/forwarders.js";
import { message } from "./views/message.js";
import { messages } from "./views/messages.js";
import { tokens } from "./views/tokens.js";
import { today } from "./views/today.js";

/** First word of the address → view; those with a place in the menu stand there in its order. */
const VIEWS = { today, accounts, account, bind, messages, message, aside, cores, doctor, forwarders, tokens, audit };
const MENU = ["today", "accounts", "messages", "aside", "cores", "doctor", "forwarders", "tokens", "audit"];

const main = document.getElementById("main");
/** Above the view: what concerns whoever is logged in. */
const notice = el("div", { id: "notice" });
let me = null;
let leaving = new AbortController();

function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decoded);
  return { name: name in VIEWS ? name : MENU[0], rest, query: new URLSearchParams(query || "") };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function show() {
  leaving.abort();
  // A question about what is no longer on the page is none.
  closeQuestions();
  leaving = new AbortController();
  const { signal } = leaving;
  frame();
  fill(notice);
  if (!me) return fill(main, notice, login(entered));
  const { name, rest, query } = place();
  const shown = el("div", { class: "view", data: { view: name } });
  fill(main, notice, shown);
  try {
    await VIEWS[name]({ main: shown, rest, query, me, signal });
  } catch (error) {
    if (!signal.aborted) fill(shown, refusal(error));
  }
}

function frame() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  fill(document.getElementById("language"), t("other"));
  fill(document.getElementById("who"), me ? `${me.name} · ${t(`roles.${me.role}`)}` : "");
  const out = document.getElementById("logout");
  fill(out, t("logOut"));
  out.hidden = !me || me.by === "proxy";
  const nav = document.getElementById("nav");
  nav.hidden = !me;
  const here = { account: "accounts", bind: "accounts", message: "messages" }[place().name] || place().name;
  document.title = me ? `${t(`menu.${here}`)} · wxbridge` : "wxbridge";
  fill(nav, MENU.map((name) => el("a", { href: `#/${name}`, "aria-current": name === here ? "page" : undefined }, t(`menu.${name}`))));
}

function entered(session) {
  me = session;
  show();
}

/** Somebody else is in, here or in another tab, or nobody any more. */
function replaced({ detail: session }) {
  const before = me;
  if (!before) return;
  entered(session);
  if (session) fill(notice, el("p", { class: "refusal", role: "alert" }, t("nowIn", { name: session.name, role: t(`roles.${session.role}`) })));
}

document.getElementById("language").addEventListener("click", async () => {
  if (me && unfinished(main) && !(await sure(t("loseSure"), { act: t("lose"), tone: "warn" }))) return;
  speak(language === "zh" ? "en" : "zh");
  show();
});
document.getElementById("logout").addEventListener("click", async ({ currentTarget: leave }) => {
  const who = me;
  leave.disabled = true;
  try {
    await logOut();
    entered(null);
  } catch (error) {
    // The session is as open as it was; who looks at the login form would leave it so.
    if (me === who) fill(notice, el("p", { class: "warning" }, t("stillIn")), refusal(error));
  } finally {
    leave.disabled = false;
  }
});
/** A slip in the menu costs nobody what they have begun to enter. */
document.getElementById("nav").addEventListener("click", async (event) => {
  const to = event.target.closest("a")?.hash;
  if (!to || event.ctrlKey || event.metaKey || event.shiftKey || !begun(main)) return;
  event.preventDefault();
  if (await sure(t("leaveSure"), { act: t("leave"), tone: "warn" })) go(to);
});
addEventListener("session-changed", replaced);
addEventListener("hashchange", show);

try {
  entered(await whoAmI());
} catch (error) {
  frame();
  fill(main, refusal(error));
}
