// What happens now, and where is the message somebody asks about? A live list, and a search by customer or id.
import { get } from "../api.js";
import { el, fill, said } from "../dom.js";
import { moment, t } from "../say.js";
import { badge, button, empty, heading, refusal, run } from "../ui.js";
import { pausedAccounts } from "./accounts.js";
import { customer, item, lifeOf } from "./item.js";

const SHOWN = 200;

export async function messages({ main, query, signal }) {
  const key = query.get("conversation") || "";
  const found = el("div", { class: "stack", id: "found" });
  const list = el("div", { class: "stack", id: "live", "aria-live": "off" });
  const state = el("p", { class: "soft", id: "live-state" }, t("loading"));
  main.append(heading(t("menu.messages"), t("messages.lead")), search(query.get("q") || "", found, signal), found);
  if (key) main.append(el("div", { class: "sheet line" }, el("span", { class: "soft" }, t("messages.only")), el("strong", {}, said(customer(key))), el("code", {}, key), el("a", { class: "button quiet", href: "#/messages" }, t("messages.all"))));
  main.append(state, list);
  await follow(key, list, state, signal);
}

/** Asks for what is new as long as the view is shown. */
async function follow(key, list, state, signal) {
  const filter = key ? `&conversation=${encodeURIComponent(key)}` : "";
  const rows = [];
  let after = "";
  while (!signal.aborted) {
    try {
      const page = await get(`/admin/v1/timeline?limit=${SHOWN}${filter}${after ? `&wait=20s&after=${encodeURIComponent(after)}` : ""}`, signal);
      const paused = page.items.some(unassigned) ? await pausedAccounts(signal) : undefined;
      for (const one of page.items) put(rows, list, one, { short: Boolean(key), fresh: boot(after) === boot(page.next), paused });
      after = page.next;
      if (!rows.length) fill(list, empty(t("messages.none")));
      fill(state, t("messages.live", { count: rows.length }));
      state.dataset.live = "1";
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      fill(state, refusal(error));
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }
}

/** Of which start of the bridge a place in the list is: what comes after one of the same start is from its memory. */
const boot = (cursor) => cursor.split("-")[0];

/** While its account is paused an event is no core's: only then it is asked which accounts are. */
const unassigned = (one) => one.kind !== "send" && !one.takenTime && !one.core;

/** Each where its time says, the newest above; a change leaves it there. The oldest leave, and what is older than all of a full list does not come in. */
function put(rows, list, one, look) {
  const old = rows.find((row) => row.id === one.row);
  const shown = item(one, look);
  if (old) {
    old.shown.replaceWith(shown);
    old.shown = shown;
    return;
  }
  const place = placeOf(one);
  const below = rows.findIndex((row) => before(row.place, place));
  if (below < 0 && rows.length >= SHOWN) return;
  if (!rows.length) list.replaceChildren();
  list.insertBefore(shown, rows[below]?.shown ?? null);
  rows.splice(below < 0 ? rows.length : below, 0, { id: one.row, place, shown });
  if (rows.length > SHOWN) rows.pop().shown.remove();
}

/** As the bridge orders them: by acceptance, then by row. */
const placeOf = (one) => [Date.parse(one.acceptedTime) || 0, Number(one.row.replace(/^m/, ""))];
const before = (one, other) => one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]);

function search(text, found, signal) {
  const box = el("input", { type: "search", value: text, name: "q", placeholder: t("messages.placeholder"), "aria-label": t("messages.placeholder"), maxlength: 256, spellcheck: "false" });
  const go = el("button", { type: "submit", data: { act: "search" } }, t("messages.search"));
  const look = () =>
    run(
      go,
      async () => {
        const wanted = box.value.trim();
        if (!wanted) return fill(found);
        const { items } = await get(`/admin/v1/search?q=${encodeURIComponent(wanted)}`, signal);
        fill(found, items.length ? items.map(hit) : empty(t("messages.nothing")), button(t("messages.clear"), () => fill(found)));
      },
      found,
    );
  const form = el("form", { class: "search", role: "search", on: { submit: (event) => (event.preventDefault(), look()) } }, box, go);
  if (text) look();
  return form;
}

function hit(one) {
  const whole = one.kind === "conversation" ? `#/messages?conversation=${encodeURIComponent(one.conversationKey)}` : lifeOf(one.conversationKey, one.eventId || one.messageId);
  return el(
    "a",
    { class: "sheet card hit", href: whole, data: { kind: one.kind } },
    el("div", { class: "line" }, badge("plain", t(`kinds.${one.kind}`)), el("strong", {}, said(one.name || customer(one.conversationKey))), el("span", { class: "soft" }, one.time ? moment(one.time) : "")),
    one.summary && el("p", {}, said(one.summary)),
    el("code", {}, one.eventId || one.messageId || one.conversationKey),
  );
}
