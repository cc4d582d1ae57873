// Which view is shown, to whom, in which language? The address behind # says it; a view that is left stops asking.
import { logOut, whoAmI } from "./api.js";
import { el, fill } from "./dom.js";
import { language, speak, t } from "./say.js";
import { refusal } from "./ui.js";
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
  leaving = new AbortController();
  const { signal } = leaving;
  frame();
  if (!me) return fill(main, login(entered));
  const { name, rest, query } = place();
  const shown = el("div", { class: "view", data: { view: name } });
  fill(main, shown);
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
  fill(nav, MENU.map((name) => el("a", { href: `#/${name}`, "aria-current": name === here ? "page" : undefined }, t(`menu.${name}`))));
}

function entered(session) {
  me = session;
  show();
}

document.getElementById("language").addEventListener("click", () => {
  speak(language === "zh" ? "en" : "zh");
  show();
});
document.getElementById("logout").addEventListener("click", async () => {
  try {
    await logOut();
  } catch {
    // The session may be over already.
  }
  entered(null);
});
addEventListener("session-ended", () => me && entered(null));
addEventListener("hashchange", show);

try {
  entered(await whoAmI());
} catch (error) {
  frame();
  fill(main, refusal(error));
}
