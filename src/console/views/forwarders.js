// Which copies go where, and are they protected? One switch for all of them.
import { get, post } from "../api.js";
import { el, fill, said } from "../dom.js";
import { moment, number, t } from "../say.js";
import { badge, button, empty, facts, heading, section, sure, table, toast, within } from "../ui.js";

export async function forwarders({ main, me, signal }) {
  const body = el("div", { class: "stack" });
  main.append(heading(t("menu.forwarders"), t("forwarders.lead")), body);
  const load = async () => {
    const found = await get("/admin/v1/forwarders?limit=1000", signal);
    return [master(found.switch, me, body, load), found.items.length ? found.items.map(card) : empty(t("forwarders.none"))];
  };
  await within(body, load);
}

/** What the switch governs stands beside it, as the bridge says it. */
function master(one, me, body, load) {
  const place = el("div");
  const turn = button(
    t(one.on ? "forwarders.off" : "forwarders.on"),
    async () => {
      const question = t(one.on ? "forwarders.offSure" : "forwarders.onSure");
      if (!(await sure(`${question} ${one.governs}`, { act: t(one.on ? "forwarders.off" : "forwarders.on"), tone: one.on ? "bad" : "good" }))) return;
      const done = await post("/admin/v1/forwarders/switch", { on: !one.on });
      const ended = done.legacyPlainEnded || [];
      toast(ended.length ? t("forwarders.ended", { names: ended.join(", ") }) : t(done.on ? "forwarders.isOn" : "forwarders.isOff"));
      fill(body, await load());
    },
    { tone: one.on ? "bad" : "good", place, name: "switch" },
  );
  return section(t("forwarders.switch"), el("div", { class: "line" }, badge(one.on ? "good" : "bad", t(one.on ? "forwarders.isOn" : "forwarders.isOff"))), el("p", { class: "warning", id: "governs" }, one.governs), place, me.role === "operator" ? el("div", { class: "acts" }, turn) : null);
}

function card(one) {
  const columns = ["type", "protected", "sent", "expired", "lost", "failures", "waitingSince"].map((name) => t(`forwarders.${name}`));
  const rows = one.types.map((lane) => [
    lane.type,
    badge(lane.protected ? "good" : "warn", t(lane.protected ? "forwarders.yes" : "forwarders.plain")),
    number(lane.sent),
    number(lane.expired),
    number(lane.lost),
    [number(lane.failures), lane.lastError ? el("p", { class: "warning" }, said(lane.lastError)) : null],
    lane.waitingSince ? moment(lane.waitingSince) : "–",
  ]);
  return section(
    said(one.name),
    facts([
      [t("forwarders.url"), el("code", {}, one.url)],
      [t("forwarders.mode"), `${one.mode}${one.encrypt ? ` · ${t("forwarders.encrypt")}` : ""}`],
      [t("forwarders.key"), el("code", {}, one.key)],
      [t("forwarders.legacy"), one.legacyPlain ? t("forwarders.legacyPlain") : ""],
    ]),
    table(columns, rows, one.name),
  );
}
