// What happens between a customer's phone and a core? The phone on the left; on the right only what the bridge's own
// API tells. Everything from outside comes in through textContent.
import { Phone, h } from "/phone.js";
import { WORDS } from "/words.js";

const SHOWN = 200;
const WINDOW = 5000;
const at = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
let language = query.get("lang") || (navigator.language.startsWith("zh") ? "zh" : "en");
if (!WORDS[language]) language = "en";
const words = () => WORDS[language];

const rows = new Map();
/** By channel: the phone, its tab, and what its meters last showed. */
const phones = new Map();
let shown = null;
const phone = () => phones.get(shown)?.phone;

// ───────────── the right side: the bridge's timeline ─────────────

const number = (ms) => (ms < 10 ? ms.toFixed(1) : Math.round(ms).toString());
const millis = (ms) => (ms === undefined || ms === null ? "" : ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${number(ms)} ms`);

function clockTime(text, digits = 0) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "";
  const whole = time.toLocaleTimeString("en-GB", { hour12: false });
  return digits ? `${whole}.${String(time.getMilliseconds()).padStart(3, "0")}` : whole;
}

/** `fresh`: told as it happened, not read from the store. */
function took(items, fresh) {
  for (const item of items) {
    const before = rows.get(item.row);
    item.fresh = fresh;
    const card = draw(item);
    if (before) {
      card.classList.remove("is-new");
      before.card.replaceWith(card);
    } else {
      at("flow").prepend(card);
    }
    rows.set(item.row, { item, card });
  }
  while (rows.size > SHOWN) {
    const [oldest, { card }] = rows.entries().next().value;
    card.remove();
    rows.delete(oldest);
  }
  at("empty").hidden = rows.size > 0;
  tiles();
}

function draw(item) {
  const failed = (item.messages || []).some((message) => ["FAILED", "UNKNOWN", "EXPIRED"].includes(message.status));
  return h("li", { class: `event is-new ${failed ? "is-bad" : ""}`, data: { row: item.row, kind: item.kind } },
    h("div", { class: "event-head" },
      h("span", { class: `kind kind-${item.kind}` }, words().kinds[item.kind] || item.kind),
      h("span", { class: "native" }, item.platformType || ""),
      h("span", { class: "seq", title: item.conversationKey }, item.seq ? `#${item.seq}` : ""),
      h("time", { datetime: item.acceptedTime || "" }, clockTime(item.acceptedTime))),
    h("p", { class: "summary" }, (item.kind === "signal" && words().signals[item.summary]) || item.summary || "—"),
    steps(item),
    replies(item),
    allowances(item));
}

function steps(item) {
  if (item.kind === "send" || item.kind === "delivery" && !item.attempts?.length) return null;
  const { steps: names, answers } = words();
  const last = item.attempts?.at(-1);
  const core = last
    ? [last.result === "taken" ? names.taken : words().offers[last.result] || last.result, `${item.core ? item.core + " · " : ""}${millis(last.ms)}${last.attempt > 1 ? ` · ×${last.attempt}` : ""}`]
    : [item.fresh || item.answer ? words().waitingCore : "–", item.core || ""];
  const step = (name, state, value, detail) =>
    h("li", { class: `step is-${state}` }, h("span", { class: "step-name" }, name), h("span", { class: "step-value" }, value), h("span", { class: "step-detail" }, detail));
  return h("ol", { class: "steps" },
    step(names.accepted, item.acceptedTime ? "done" : "open", clockTime(item.acceptedTime, 3), ""),
    step(names.core, last ? (last.result === "taken" ? "done" : "bad") : "open", ...core),
    item.kind === "delivery" || item.kind === "gap" || unasked(item)
      ? null
      : step(names.answer, item.answer ? "done" : "open", answers[item.answer] || item.answer || "…", millis(item.answerMs)));
}

/** What nobody waits for an answer to: pulled items, and what the bridge itself noticed. */
const unasked = (item) => !item.answer && (/^wechat_kf:/.test(item.conversationKey || "") || ["SESSION_STATE_CHANGED", "MEDIA_CHANGED"].includes(item.platformType));

function replies(item) {
  const messages = item.messages || [];
  if (!messages.length) return null;
  return h("ul", { class: "replies" }, messages.map((message) => {
    const road = message.road && message.road !== "ROAD_UNSPECIFIED" ? message.road : "";
    const bad = ["FAILED", "UNKNOWN", "EXPIRED"].includes(message.status);
    return h("li", { class: `reply ${bad ? "is-bad" : ""}`, data: { road, status: message.status || "" } },
      road ? h("span", { class: `road road-${road}`, title: words().roadHints[road] || "" }, words().roads[road] || road) : null,
      h("span", { class: "reply-text" }, message.summary || ""),
      h("span", { class: "reply-status", title: message.status || "" }, words().status[message.status] || message.status || ""),
      (message.degradations || []).length
        ? h("span", { class: "note" }, `${words().degraded}: ${message.degradations.map((one) => [`${one.fromType || ""}→${one.toType || ""}`, one.reason].filter(Boolean).join(" · ")).join("; ")}`)
        : null,
      message.error ? h("span", { class: "note is-bad" }, [message.error.code, message.error.platformCode || "", message.error.platformMessage || "", message.error.remedy || ""].filter(Boolean).join(" · ")) : null);
  }));
}

function allowances(item) {
  const list = item.allowances || [];
  if (!list.length) return null;
  return h("p", { class: "allowances" }, list.map((one) => {
    const left = one.remaining === undefined || one.remaining === null ? "∞" : one.remaining;
    return h("span", {}, `${words().triggers[one.trigger] || one.trigger}: ${left} ${words().left}${one.expires ? ` · ${words().until2} ${until(one.expires)}` : ""}`);
  }));
}

function until(text) {
  const time = new Date(text);
  const soon = time - Date.now() < 20 * 3600 * 1000;
  const year = time.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return soon ? clockTime(text) : time.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

function tiles() {
  const items = [...rows.values()].map((row) => row.item);
  const times = items.map((item) => item.answerMs).filter((ms) => typeof ms === "number").sort((a, b) => a - b);
  const messages = items.flatMap((item) => item.messages || []);
  const roads = (road) => messages.filter((message) => message.road === road).length;
  const values = {
    events: items.filter((item) => item.kind !== "send").length,
    answer: times.length ? millis(times[Math.floor((times.length - 1) / 2)]) : "–",
    passive: roads("PASSIVE"),
    service: messages.filter((message) => message.road && !["PASSIVE", "ROAD_UNSPECIFIED"].includes(message.road)).length,
  };
  at("tiles").replaceChildren(...Object.entries(values).map(([name, value]) =>
    h("div", { class: `tile tile-${name}` }, h("dt", {}, words().tiles[name]), h("dd", {}, String(value)))));
}

/** Of which start of the bridge a place in the list is: what comes after one of the same start is from its memory. */
const boot = (cursor) => cursor?.split("-")[0] ?? "";

async function follow() {
  let cursor = null;
  for (;;) {
    try {
      const asked = cursor === null ? "limit=50" : `after=${encodeURIComponent(cursor)}&limit=50&wait=20s`;
      const answer = await fetch(`/bridge/admin/v1/timeline?${asked}`);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const page = await answer.json();
      took(page.items || [], boot(cursor) === boot(page.next));
      cursor = page.next || cursor;
      at("offline").hidden = true;
      if (cursor === null) await new Promise((resolve) => setTimeout(resolve, 1000));
    } catch {
      at("offline").hidden = false;
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}

// ───────────── the left side: clock, quota, deeds ─────────────

const clock = { began: 0, shown: null, outcome: null };

function pushed(of) {
  if (of !== shown) return;
  Object.assign(clock, { began: performance.now(), outcome: null });
  at("failure").hidden = true;
  if (!clock.shown) tick();
}

function tick() {
  clock.shown = requestAnimationFrame(tick);
  const spent = performance.now() - clock.began;
  // Three attempts of five seconds: the ring starts again with each.
  face(spent % WINDOW, spent > WINDOW ? "late" : "waiting", spent > WINDOW ? words().late : words().waiting);
}

function face(spent, state, hint) {
  at("clock").dataset.state = state;
  at("clock").style.setProperty("--spent", String(Math.min(100, (spent / WINDOW) * 100)));
  at("clock-value").textContent = spent < 1000 && state === "done" ? millis(spent) : `${(spent / 1000).toFixed(1)} s`;
  at("clock-hint").textContent = hint;
}

function answered(of, event) {
  if (of !== shown) return;
  const { outcome } = event.detail;
  if (clock.shown) cancelAnimationFrame(clock.shown);
  clock.shown = null;
  clock.outcome = outcome;
  rest();
}

function rest() {
  const outcome = clock.outcome;
  if (clock.shown) return;
  if (!outcome) return face(0, "idle", words().idle);
  const last = outcome.attempts.at(-1);
  const bad = outcome.outcome === "fault";
  face(last ? last.ms : 0, bad ? "bad" : "done", words().answered[outcome.outcome] || outcome.outcome);
}

function refused(of, event) {
  if (of !== shown) return;
  if (clock.shown) cancelAnimationFrame(clock.shown);
  Object.assign(clock, { shown: null, outcome: null });
  rest();
  at("failure").textContent = `${words().problem} ${event.detail.error}`;
  at("failure").hidden = false;
}

function allowed(of, event) {
  phones.get(of).quota = event.detail;
  if (of === shown) showQuota();
}

function showQuota() {
  const quota = phones.get(shown)?.quota;
  if (!quota) return;
  if (quota.open && typeof quota.left !== "number") {
    at("quota").dataset.open = "true";
    at("quota-dots").replaceChildren();
    at("quota-value").textContent = "∞";
    at("quota-hint").textContent = words().always;
    return;
  }
  const most = quota.trigger === "message" || quota.left > 3 ? 5 : quota.trigger === "enter" ? 2 : 3;
  at("quota").dataset.open = String(quota.open);
  at("quota-dots").replaceChildren(...Array.from({ length: most }, (_, index) => h("i", { class: quota.open && index < quota.left ? "is-left" : "" })));
  at("quota-value").textContent = quota.open ? `${quota.left} ${words().of} ${most}` : "0";
  const state = words().states[quota.state];
  at("quota-hint").textContent = [quota.open ? `${words().until} ${span(quota.seconds)}` : words().closed, state].filter(Boolean).join(" · ");
}

function span(seconds) {
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min` : `${Math.max(0, seconds)} s`;
}

function deeds() {
  const deed = (name, action, body, title) =>
    h("button", { type: "button", title: title || null, data: { deed: name }, on: { click: () => phone().act(action, body) } }, words()[name]);
  const official = shown === "official_account";
  at("deeds").replaceChildren(
    deed("picture", "text", { content: "图片" }, words().pictureHint),
    deed("card", "text", { content: "卡片" }, "卡片"),
    deed("menu", "text", { content: "菜单" }, "菜单"),
    deed("slow", "text", { content: "慢" }, "慢"),
    deed("long", "text", { content: "长文" }, "长文"),
    deed("three", "text", { content: "三条" }, "三条"),
    deed("photo", "image", {}),
    deed("end", "text", { content: "结束" }, "结束"),
    ...(official ? [deed("scan", "scan", { scene: "store-17" }), deed("follow", "follow", {})] : []));
}

// ───────────── both ─────────────

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words()[element.dataset.word];
  at("language").textContent = words().other;
  at("offline").textContent = words().offline;
  deeds();
  for (const [channel, one] of phones) {
    one.phone.speak(language);
    one.tab.textContent = words().channels[channel] || channel;
  }
  for (const row of rows.values()) {
    const card = draw(row.item);
    card.classList.remove("is-new");
    row.card.replaceWith(card);
    row.card = card;
  }
  tiles();
  rest();
  showQuota();
}

// ───────────── one phone for each channel ─────────────

function add({ channel, simAccount, openid, name }) {
  const root = h("div", { role: "tabpanel", hidden: true });
  const tab = h("button", { type: "button", role: "tab", data: { channel }, on: { click: () => pick(channel) } });
  at("phones").append(root);
  at("channels").append(tab);
  const one = new Phone(root, { account: simAccount, channel, openid, name, language });
  phones.set(channel, { phone: one, root, tab, quota: null });
  one.addEventListener("push", () => pushed(channel));
  one.addEventListener("outcome", (event) => answered(channel, event));
  one.addEventListener("failure", (event) => refused(channel, event));
  one.addEventListener("quota", (event) => allowed(channel, event));
  one.addEventListener("line", () => tab.classList.toggle("is-fresh", channel !== shown));
}

function pick(channel) {
  shown = channel;
  for (const [other, { phone: one, root, tab }] of phones) {
    root.hidden = other !== channel;
    one.watched = other === channel;
    tab.setAttribute("aria-selected", String(other === channel));
    if (other === channel) {
      tab.classList.remove("is-fresh");
      one.bottom();
    }
  }
  if (clock.shown) cancelAnimationFrame(clock.shown);
  Object.assign(clock, { shown: null, outcome: null });
  at("failure").hidden = true;
  deeds();
  rest();
  showQuota();
}

async function begin() {
  const config = await (await fetch("/config.json")).json();
  config.phones.forEach(add);
  at("channels").hidden = phones.size < 2;
  at("language").addEventListener("click", () => {
    language = language === "en" ? "zh" : "en";
    speak();
  });
  pick(config.phones[0].channel);
  speak();
  for (const { phone: one } of phones.values()) one.start();
  follow();
}

begin();
