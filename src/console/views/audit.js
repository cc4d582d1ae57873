// Who changed what, and when?
import { el, said } from "../dom.js";
import { moment, t } from "../say.js";
import { badge, heading, pages } from "../ui.js";

export async function audit({ main, signal }) {
  const list = el("div", { class: "stack", id: "audit" });
  main.append(heading(t("menu.audit"), t("audit.lead")), list);
  await pages(list, "/admin/v1/audit?limit=50", act, t("audit.none"), signal);
}

function act(one) {
  const sides = [["before", one.before], ["after", one.after]].filter(([, value]) => value !== undefined && value !== null);
  return el(
    "article",
    { class: "sheet act", data: { what: one.what } },
    el("div", { class: "line" }, badge("plain", one.what), el("strong", {}, said(one.target)), el("span", { class: "soft" }, moment(one.time), " · ", said(one.who))),
    sides.length ? el("details", {}, el("summary", {}, t("audit.change")), sides.map(([name, value]) => [el("p", { class: "soft" }, t(`audit.${name}`)), el("pre", {}, JSON.stringify(value, null, 2))])) : null,
  );
}
