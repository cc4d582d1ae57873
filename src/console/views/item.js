// How does one event look in a list, with what became of it?
import { el, said } from "../dom.js";
import { millis, moment, t } from "../say.js";
import { badge } from "../ui.js";

/** The customer's id out of a conversation key. */
export function customer(key) {
  const last = key.split(":").pop() || "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** Where an event's or a message's whole life is shown. */
export const lifeOf = (key, id) => `#/message/${encodeURIComponent(id)}?conversation=${encodeURIComponent(key)}`;

const NOBODY = new Set();

export const STATUS = { ACCEPTED: "plain", SENDING: "plain", HANDED_OVER: "good", SENT: "good", HELD: "warn", FAILED: "bad", UNKNOWN: "warn", EXPIRED: "bad", RECALLED: "plain" };
const ANSWERS = { passive: "good", success: "good", duplicate: "plain", quarantined: "warn", refused: "bad", unavailable: "bad", closed: "bad" };

/** `short`: in the list of one conversation; `fresh`: told as it happened; `paused`: the ids of the accounts whose events wait. */
export function item(one, { short = false, fresh = false, paused = NOBODY } = {}) {
  const id = one.eventId || one.messages[0]?.messageId || one.row;
  const who = one.conversationKey;
  return el(
    "article",
    { class: "sheet item", data: { kind: one.kind, row: one.row, event: one.eventId } },
    el(
      "div",
      { class: "line" },
      badge("plain", t(`kinds.${one.kind}`)),
      short ? null : el("a", { href: `#/messages?conversation=${encodeURIComponent(who)}` }, said(customer(who))),
      short ? null : el("span", { class: "soft" }, said(one.account)),
      el("time", { class: "soft", datetime: one.acceptedTime }, moment(one.acceptedTime)),
    ),
    el("p", { class: "summary" }, said(summary(one))),
    el("div", { class: "badges" }, answered(one), taken(one, fresh, paused)),
    one.messages.map((message) => reply(message)),
    el("a", { class: "soft", href: lifeOf(who, id) }, t("messages.life")),
  );
}

/** What an event says; names of the contract as words. */
export function summary(one) {
  const [first, ...rest] = (one.summary || "").split(" ");
  if (one.kind === "signal" && one.summary) return t(`signals.${one.summary}`);
  if (one.kind === "delivery" && one.summary) return [t(`statuses.${first}`), ...rest].join(" ");
  if (one.kind === "gap") return [t(`gaps.${one.platformType}`), one.summary].filter(Boolean).join(" · ");
  return one.summary || one.platformType;
}

const ORDERS = ["END", "QUEUE", "ASSIGN", "TAKE"];

/** A message's text, or the word for an order: what was sent by no road is no text of anybody's. */
export const order = ({ status, road, summary: text }) => (status === "SENT" && !road && ORDERS.includes(text) ? t(`orders.${text}`) : text);

export const answered = (one) => (one.answer ? badge(ANSWERS[one.answer] || "plain", `${t(`answers.${one.answer}`)} · ${millis(one.answerMs ?? 0)}`) : null);

/** Whose it is, and whether it was taken; nothing of that where it happened before the bridge's memory begins. */
function taken(one, fresh, paused) {
  if (one.kind === "send") return null;
  if (one.takenTime) return badge("good", `${one.core} · ${t("messages.taken")}`);
  if (paused.has(one.account)) return badge("warn", t("messages.paused"));
  if (!one.core) return badge("warn", t("messages.noCore"));
  const last = one.attempts.at(-1);
  const known = last ? t(`offers.${last.result}`) : fresh || one.answer ? t("messages.waits") : "";
  return badge(last ? "warn" : "plain", [one.core, known].filter(Boolean).join(" · "));
}

export function reply(message) {
  return el(
    "div",
    { class: "reply", data: { status: message.status } },
    el("p", {}, said(order(message))),
    el("div", { class: "badges" }, message.road ? badge("plain", t(`roads.${message.road}`)) : null, badge(STATUS[message.status] || "plain", t(`statuses.${message.status}`)), message.error ? badge("bad", message.error.code) : null),
  );
}
