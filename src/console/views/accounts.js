// How are all accounts, at a glance?
import { whole } from "../api.js";
import { el, said } from "../dom.js";
import { ago, here, moment, ours, t } from "../say.js";
import { badge, empty, heading, within } from "../ui.js";

export const TONES = { ACTIVE: "good", WAITING: "plain", DEGRADED: "warn", NEEDS_REAUTH: "bad", REVOKED: "bad" };

export const stateOf = (view) => view.state?.state || "STATE_UNSPECIFIED";

export const stateBadge = (view) => badge(TONES[stateOf(view)] || "plain", t(`states.${stateOf(view)}`));

/** Easily forgotten: it stands wherever the account does. */
export const pauseBadge = (view) => (view.pausedSince ? badge("bad", t("accounts.paused", { since: moment(view.pausedSince) })) : null);

/** The ids of the accounts whose events wait. */
export async function pausedAccounts(signal) {
  const all = await whole("/admin/v1/accounts?limit=500", signal);
  return new Set(all.filter((view) => view.pausedSince).map((view) => view.account.id));
}

export async function accounts({ main, me, signal }) {
  const list = el("div", { class: "cards" });
  const add = me.role === "operator" ? el("a", { class: "button", href: "#/bind", data: { tone: "good", act: "bind" } }, t("accounts.bind")) : null;
  main.append(heading(t("menu.accounts"), t("accounts.lead"), add), list);
  await within(list, async () => {
    const found = await whole("/admin/v1/accounts?limit=500", signal);
    return found.length ? found.map(card) : empty(t("accounts.none"));
  });
}

function card(view) {
  const { id, channel, platformId } = view.account || {};
  const warnings = view.warnings || [];
  return el(
    "a",
    { class: "sheet card", href: `#/account/${encodeURIComponent(id)}`, data: { account: id } },
    el("div", { class: "line" }, el("strong", {}, said(id)), stateBadge(view), pauseBadge(view)),
    el("p", { class: "soft" }, t(`channels.${channel}`), " · ", el("code", {}, platformId)),
    el("p", { class: "soft" }, t("accounts.lastCallback"), " ", ago(view.lastCallback)),
    roads(view),
    warnings.length ? el("p", { class: "warning" }, t("accounts.warnings", { count: warnings.length }), " ", said(here(ours(warnings[0])))) : null,
  );
}

/** What may be answered, in two words. */
export function roads(view) {
  const can = view.capabilities || {};
  const api = can.api ? badge("good", t("accounts.api")) : badge("bad", `${t("accounts.noApi")}${can.apiReason ? ` ${can.apiReason}` : ""}`);
  return el("p", { class: "badges" }, can.passive ? badge("good", t("accounts.passive")) : badge("plain", t("accounts.noPassive")), api);
}
