// What was set aside, and what becomes of it? Events that a core refused, and bodies that could not be read.
import { at, post } from "../api.js";
import { el, said } from "../dom.js";
import { moment, t } from "../say.js";
import { badge, button, facts, go, heading, pages, sure, toast } from "../ui.js";
import { customer, lifeOf } from "./item.js";

const LISTS = {
  parked: { path: "/admin/v1/parked?limit=50", card: parked },
  quarantine: { path: "/admin/v1/quarantine?limit=20", card: body },
};

export async function aside({ main, rest, me, signal }) {
  const which = rest[0] in LISTS ? rest[0] : "parked";
  const { path, card } = LISTS[which];
  const list = el("div", { class: "stack", id: which });
  const tabs = Object.keys(LISTS).map((name) => el("a", { class: "button", href: `#/aside/${name}`, "aria-current": name === which ? "page" : undefined }, t(`aside.${name}`)));
  main.append(heading(t("menu.aside"), t(`aside.${which}Lead`)), el("div", { class: "acts tabs" }, tabs), list);
  await pages(list, path, (one) => card(one, me), t(`aside.${which}None`), signal);
}

function parked(one, me) {
  const place = el("div");
  const sheet = el(
    "article",
    { class: "sheet", data: { parked: one.id } },
    el("div", { class: "line" }, badge("warn", one.core || "–"), el("strong", {}, said(customer(one.conversationKey))), el("span", { class: "soft" }, moment(one.parkedAt))),
    el("p", { class: "warning" }, said(one.reason)),
    el("p", { class: "summary" }, said(one.event?.message?.summary || "")),
    facts([
      [t("message.event"), el("a", { href: lifeOf(one.conversationKey, one.eventId) }, el("code", {}, one.eventId))],
      [t("message.key"), el("code", {}, one.conversationKey)],
    ]),
    el("details", {}, el("summary", {}, t("aside.look")), el("pre", {}, JSON.stringify(one.event, null, 2))),
    place,
  );
  if (me.role === "operator") sheet.append(choices(sheet, place, at("admin", "v1", "parked", one.id), t("aside.retry"), t("aside.retried")));
  return sheet;
}

function body(one, me) {
  const place = el("div");
  const sheet = el(
    "article",
    { class: "sheet", data: { quarantined: one.id } },
    el("div", { class: "line" }, badge("bad", one.code), el("strong", {}, said(one.account)), el("span", { class: "soft" }, moment(one.received))),
    el("p", { class: "warning" }, said(one.detail)),
    el("details", {}, el("summary", {}, t("aside.look")), facts([[t("aside.query"), el("code", {}, one.query)], [t("aside.keys"), el("code", {}, one.keyIds)], [t("aside.type"), el("code", {}, one.contentType)]]), el("pre", {}, text(one.body))),
    place,
  );
  if (me.role === "operator") sheet.append(choices(sheet, place, at("admin", "v1", "quarantine", one.id), t("aside.reread"), t("aside.wasRead")));
  return sheet;
}

/** Base64 of UTF-8, as well as it can be shown. */
function text(base64) {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
  } catch {
    return base64;
  }
}

/** Once more, or never. */
function choices(sheet, place, path, again, done) {
  const gone = (words) => {
    toast(words);
    const list = sheet.parentElement;
    sheet.remove();
    // What comes after it, or that nothing is left.
    if (list?.isConnected && !list.children.length) go(location.hash);
  };
  const retry = button(again, async () => (await post(`${path}/retry`), gone(done)), { tone: "good", place, name: "retry" });
  const discard = button(
    t("aside.discard"),
    async () => {
      if (!(await sure(t("aside.discardSure"), { act: t("aside.discard") }))) return;
      await post(`${path}/discard`);
      gone(t("aside.discarded"));
    },
    { tone: "bad", place, name: "discard" },
  );
  return el("div", { class: "acts" }, retry, discard);
}
