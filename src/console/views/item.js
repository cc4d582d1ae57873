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

export const STATUS = { ACCEPTED: "plain", SENDING: "plain", HANDED_OVER: "good", SENT: "good", HELD: "warn", FAILED: "bad", UNKNOWN: "warn", EXPIRED: "bad", RECALLED: "plain" };
const ANSWERS = { passive: "good", success: "good", duplicate: "plain", quarantined: "warn", refused: "bad", unavailable: "bad", closed: "bad" };

export function item(one, { short = false } = {}) {
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
    el("p", { class: "summary" }, said(one.summary || one.platformType)),
    el("div", { class: "badges" }, answered(one), taken(one)),
    one.messages.map((message) => reply(message)),
    el("a", { class: "soft", href: lifeOf(who, id) }, t("messages.life")),
  );
}

export const answered = (one) => (one.answer ? badge(ANSWERS[one.answer] || "plain", `${t(`answers.${one.answer}`)} · ${millis(one.answerMs ?? 0)}`) : null);

export function taken(one) {
  if (one.kind === "send" || !one.core) return one.kind === "send" ? null : badge("warn", t("messages.noCore"));
  if (one.takenTime) return badge("good", `${one.core} · ${t("messages.taken")}`);
  const last = one.attempts.at(-1);
  return badge(last ? "warn" : "plain", `${one.core} · ${last ? t(`offers.${last.result}`) : t("messages.waits")}`);
}

export function reply(message) {
  return el(
    "div",
    { class: "reply", data: { status: message.status } },
    el("p", {}, said(message.summary)),
    el("div", { class: "badges" }, message.road ? badge("plain", t(`roads.${message.road}`)) : null, badge(STATUS[message.status] || "plain", t(`statuses.${message.status}`)), message.error ? badge("bad", message.error.code) : null),
  );
}
