// How are the cores, and how far behind? Asked again every few seconds while somebody looks.
import { whole } from "../api.js";
import { el, fill, said } from "../dom.js";
import { moment, number, seconds, t } from "../say.js";
import { badge, empty, facts, heading, refusal } from "../ui.js";

const TONES = { up: "good", slow: "warn", down: "bad", unknown: "plain" };
const EVERY = 5000;

export async function cores({ main, signal }) {
  const list = el("div", { class: "cards" });
  main.append(heading(t("menu.cores"), t("cores.lead")), list);
  while (!signal.aborted) {
    try {
      const found = await whole("/admin/v1/cores", signal);
      fill(list, found.length ? found.map(card) : empty(t("cores.none")));
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      fill(list, refusal(error));
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}

function card(core) {
  const match = Object.entries(core.match || {}).flatMap(([what, list]) => list.map((one) => `${what}: ${one}`));
  const late = core.ageSeconds > 60 ? "bad" : core.backlogEvents ? "warn" : "good";
  return el(
    "article",
    { class: "sheet", data: { core: core.name } },
    el("div", { class: "line" }, el("strong", {}, said(core.name)), badge(TONES[core.state] || "plain", t(`coreStates.${core.state}`)), badge("plain", core.kind)),
    el("div", { class: "line" }, badge(late, t("cores.backlog", { count: number(core.backlogEvents) })), core.backlogEvents ? badge(late, t("cores.age", { time: seconds(core.ageSeconds) })) : null),
    core.lastError && el("p", { class: "warning" }, said(core.lastError)),
    facts([
      [t("cores.url"), core.url && el("code", {}, core.url)],
      [t("cores.match"), match.length ? match.join(", ") : t("cores.everything")],
      [t("cores.oldest"), core.oldest && moment(core.oldest)],
      [t("cores.lastFetch"), core.lastFetch && moment(core.lastFetch)],
      [t("cores.lastAck"), core.lastAck && moment(core.lastAck)],
    ]),
  );
}
