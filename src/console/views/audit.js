// Who changed what, and when?
import { get } from "../api.js";
import { el, fill, said } from "../dom.js";
import { moment, number, t } from "../say.js";
import { badge, button, heading, pages } from "../ui.js";

export async function audit({ main, signal }) {
  const list = el("div", { class: "stack", id: "audit" });
  const proof = el("div", { id: "proof" });
  const verify = button(t("audit.verify"), async () => fill(proof, whole(await get("/admin/v1/audit/verify", signal))), { place: proof, name: "verify" });
  const file = el("a", { class: "button", href: "/admin/v1/audit/export", download: "wxbridge-audit.jsonl" }, t("audit.export"));
  main.append(heading(t("menu.audit"), t("audit.lead"), verify, file), proof, list);
  await pages(list, "/admin/v1/audit?limit=50", act, t("audit.none"), signal);
}

/** Whether each record is still bound to the one before it. */
const whole = (found) => el("p", { class: found.whole ? "sheet" : "refusal" }, badge(found.whole ? "good" : "bad", t(found.whole ? "audit.whole" : "audit.broken")), " ", found.fault ? said(found.fault) : t("audit.records", { count: number(found.records) }), " ", el("code", {}, found.lastHash));

function act(one) {
  const sides = [["before", one.before], ["after", one.after]].filter(([, value]) => value !== undefined && value !== null);
  return el(
    "article",
    { class: "sheet act", data: { what: one.what } },
    el("div", { class: "line" }, badge("plain", one.what), el("strong", {}, said(one.target)), el("span", { class: "soft" }, moment(one.time), " · ", said(one.who))),
    sides.length ? el("details", {}, el("summary", {}, t("audit.change")), sides.map(([name, value]) => [el("p", { class: "soft" }, t(`audit.${name}`)), el("pre", {}, JSON.stringify(value, null, 2))])) : null,
  );
}
