// What became of one message, from the platform's push to the last answer? Its whole life, step by step.
import { get } from "../api.js";
import { el, said } from "../dom.js";
import { millis, moment, ours, t } from "../say.js";
import { badge, empty, facts, heading, section, within } from "../ui.js";
import { pausedAccounts } from "./accounts.js";
import { answered, customer, order, STATUS, summary } from "./item.js";

export async function message({ main, rest, query, signal }) {
  const id = rest[0] || "";
  const key = query.get("conversation") || "";
  const body = el("div", { class: "stack" });
  const back = el("a", { class: "button", href: key ? `#/messages?conversation=${encodeURIComponent(key)}` : "#/messages" }, t("message.conversation"));
  main.append(heading(t("message.title"), el("code", {}, id), back), body);
  await within(body, async () => {
    const [one, talk, paused] = await Promise.all([find(key, id, signal), conversation(key, signal), pausedAccounts(signal)]);
    return one ? [told(one), life(one, whereabouts(one, talk, paused)), one.messages.map(sent), talk && state(talk)] : [empty(t("message.gone")), talk && state(talk)];
  });
}

/** Among the events of its conversation: the list knows what the store and memory know together. */
async function find(key, id, signal) {
  const page = await get(`/admin/v1/timeline?limit=1000&conversation=${encodeURIComponent(key)}`, signal);
  return page.items.find((one) => one.eventId === id || one.row === id || one.messages.some((message) => message.messageId === id));
}

async function conversation(key, signal) {
  try {
    return await get(`/v1/conversations/${encodeURIComponent(key)}`, signal);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

const told = (one) =>
  section(
    "",
    el("div", { class: "line" }, badge("plain", t(`kinds.${one.kind}`)), el("strong", {}, said(customer(one.conversationKey))), el("span", { class: "soft" }, said(one.account))),
    el("p", { class: "summary" }, said(summary(one))),
    facts([
      [t("message.platformType"), one.platformType && el("code", {}, one.platformType)],
      [t("message.event"), one.eventId && el("code", {}, one.eventId)],
      [t("message.key"), el("code", {}, one.conversationKey)],
      ["seq", one.seq || ""],
    ]),
  );

/** Where an event is that was offered to nobody as far as memory goes: it waits if the conversation has not come to it. */
function whereabouts(one, talk, paused) {
  if (one.kind === "send" || one.takenTime || one.attempts.length) return null;
  const waits = Boolean(one.answer) || (talk && one.seq > (talk.takenSeq ?? 0));
  if (waits && paused.has(one.account)) return t("messages.paused");
  if (!one.core) return t(paused.has(one.account) ? "messages.paused" : "messages.noCore");
  return t(waits ? "message.waits" : "message.older", { core: one.core });
}

function life(one, where) {
  const steps = [
    one.platformTime && step(one.platformTime, t("message.said")),
    one.acceptedTime && step(one.acceptedTime, one.kind === "send" ? t("message.asked") : t("message.durable")),
    one.answer && step("", answered(one)),
    ...one.attempts.map((attempt) => step("", el("span", {}, t("message.offer", { attempt: attempt.attempt, core: one.core }), " ", badge(attempt.result === "taken" ? "good" : "warn", t(`offers.${attempt.result}`)), " ", millis(attempt.ms)))),
    one.takenTime && step(one.takenTime, t("message.taken", { core: one.core })),
    where && step("", where),
  ];
  return section(t("message.life"), el("ol", { class: "life" }, steps));
}

const step = (time, what) => el("li", {}, el("time", { class: "soft" }, time ? moment(time) : ""), el("div", {}, what));

function sent(message) {
  const error = message.error;
  return section(
    t("message.answer"),
    el("p", { class: "summary" }, said(order(message))),
    el("div", { class: "badges" }, message.road ? badge("plain", t(`roads.${message.road}`)) : null, badge(STATUS[message.status] || "plain", t(`statuses.${message.status}`))),
    message.road ? el("p", { class: "soft" }, t(`roadHints.${message.road}`)) : null,
    error ? el("div", { class: "refusal" }, el("strong", {}, t(`codes.${error.code}`), " ", el("code", {}, error.code), " ", error.platformCode ? el("code", {}, error.platformCode) : null), error.platformMessage && el("p", {}, said(error.platformMessage)), error.remedy && el("p", {}, el("b", {}, t("remedy")), " ", ours(error.remedy))) : null,
    message.degradations.map((it) => el("p", { class: "warning" }, `${it.fromType || ""} → ${it.toType || ""} `, said(ours(it.reason)))),
    facts([
      [t("message.id"), el("code", {}, message.messageId)],
      ["clientMessageId", message.clientMessageId && el("code", {}, said(message.clientMessageId))],
      [t("message.created"), moment(message.createdTime)],
      [t("message.settled"), message.settledTime && moment(message.settledTime)],
    ]),
  );
}

function state(talk) {
  const { conversation: it, allowances = [] } = talk;
  const person = it?.customer;
  return section(
    t("message.now"),
    facts([
      [t("message.customer"), person && said([person.displayName, person.nativeId].filter(Boolean).join(" · "))],
      [t("message.session"), it?.sessionState && t(`sessions.${it.sessionState}`)],
      [t("message.taken2"), `${talk.takenSeq ?? 0} / ${talk.lastSeq ?? 0}`],
      [t("message.waiting"), talk.waitingSends ?? 0],
    ]),
    allowances.length ? el("div", { class: "badges" }, allowances.map((one) => badge(one.remaining === 0 ? "warn" : "good", [t(`triggers.${one.trigger}`), one.remaining === undefined ? "" : t("message.left", { count: one.remaining }), one.expires ? `${t("message.until")} ${moment(one.expires)}` : ""].filter(Boolean).join(" · ")))) : el("p", { class: "soft" }, t("message.noAllowance")),
  );
}
