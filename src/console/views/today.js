// How was the last day? Four charts that the bridge draws, and what needs somebody now.
import { get } from "../api.js";
import { el, fill } from "../dom.js";
import { language, number, t } from "../say.js";
import { badge, heading, refusal, section } from "../ui.js";

const CHARTS = ["callbacks", "answer-times", "sends", "backlog-age"];
const EVERY = 60_000;

export async function today({ main, signal }) {
  const tiles = el("div", { class: "tiles" });
  const charts = el("div", { class: "charts" });
  main.append(heading(t("menu.today"), t("today.lead")), tiles, charts);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const draw = () => fill(charts, CHARTS.map((name) => chart(name, charts.clientWidth, dark.matches)));
  dark.addEventListener("change", draw, { signal });
  let width = 0;
  addEventListener("resize", () => width !== charts.clientWidth && ((width = charts.clientWidth), draw()), { signal });
  while (!signal.aborted) {
    try {
      const found = await get("/admin/v1/today", signal);
      fill(tiles, glance(found));
      draw();
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      fill(tiles, refusal(error));
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}

/** An image: an SVG that is only drawn runs and loads nothing. */
function chart(name, room, dark) {
  const wide = room > 900 ? Math.floor(room / 2) - 40 : room - 30;
  const width = Math.max(280, Math.min(900, wide));
  const query = new URLSearchParams({ width, lang: language, theme: dark ? "dark" : "light", zone: -new Date().getTimezoneOffset(), at: Date.now() });
  return section(t(`charts.${name}`), el("img", { src: `/admin/v1/charts/${name}?${query}`, alt: t(`chartHints.${name}`), width, height: Math.round(width * 0.5) }), el("p", { class: "soft" }, t(`chartHints.${name}`)));
}

function glance(found) {
  const tile = (name, value, tone, href) => el(href ? "a" : "div", { class: "sheet tile", href, data: { tile: name } }, el("strong", {}, number(value)), badge(tone, t(`tiles.${name}`)));
  return [
    tile("callbacks", found.callbacks, "plain"),
    tile("unanswered", found.unanswered, found.unanswered ? "bad" : "good"),
    tile("failed", found.failed, found.failed ? "warn" : "good", "#/messages"),
    tile("waiting", found.waiting, found.waiting > 100 ? "warn" : "good", "#/cores"),
    tile("parked", found.parked, found.parked ? "warn" : "good", "#/aside/parked"),
    tile("quarantined", found.quarantined, found.quarantined ? "warn" : "good", "#/aside/quarantine"),
  ];
}
