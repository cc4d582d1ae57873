// How does a finding of the doctor look? What was seen, what it means, the one thing to do, and where.
import { el, said } from "../dom.js";
import { here, t } from "../say.js";
import { badge, empty } from "../ui.js";

const TONES = { green: "good", yellow: "warn", red: "bad" };

export function findings(items) {
  if (!items.length) return empty(t("doctor.none"));
  const open = items.filter((finding) => finding.level !== "green");
  const good = items.filter((finding) => finding.level === "green");
  return [...open.map(finding), good.length ? el("details", { class: "sheet", open: !open.length }, el("summary", {}, t("doctor.good", { count: good.length })), good.map(finding)) : null];
}

function finding(one) {
  const account = one.account ? el("a", { href: `#/account/${encodeURIComponent(one.account)}` }, said(one.account)) : null;
  return el(
    "article",
    { class: "finding", data: { level: one.level, finding: one.id } },
    el("div", { class: "line" }, badge(TONES[one.level], t(`levels.${one.level}`)), el("strong", {}, said(here(one.seen))), account, one.code ? el("code", {}, one.code) : null),
    one.means && el("p", {}, one.means),
    one.do && el("p", {}, el("b", {}, t("remedy")), " ", one.do),
    one.where && el("p", { class: "soft" }, el("b", {}, t("doctor.where")), " ", one.where),
  );
}
