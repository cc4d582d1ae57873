// How does somebody bind an account with a scan, and who has done so? An open platform's links and authorisers.
import { at, post, whole } from "../api.js";
import { el, fill, said } from "../dom.js";
import { language, moment, t } from "../say.js";
import { badge, empty, field, run, section, within } from "../ui.js";

const TONES = { bound: "good", unclaimed: "warn", needs_reauth: "bad", revoked: "bad" };

/** Sections of an open platform's own page. */
export function open(platform, me, signal) {
  const list = el("div", { class: "stack", id: "authorizers" });
  const load = () => within(list, async () => authorisers(await whole(at("admin", "v1", "open", platform, "authorizers"), signal)));
  load();
  return [me.role === "operator" ? invitation(platform) : null, section(t("open.authorizers"), list)];
}

function invitation(platform) {
  const place = el("div");
  const id = el("input", { name: "invited", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,62}", autocomplete: "off", spellcheck: "false" });
  const go = el("button", { type: "submit", data: { tone: "good", act: "invite" } }, t("open.invite"));
  const submit = (event) => {
    event.preventDefault();
    run(
      go,
      async () => {
        const link = await post(at("admin", "v1", "open", platform, "bind-links"), { account: id.value.trim() });
        fill(place, el("p", {}, t("open.link", { until: moment(link.expires) })), el("code", { class: "copy", id: "bind-link" }, link.url));
      },
      place,
    );
  };
  return section(t("open.title"), el("p", { class: "soft" }, t("open.lead")), el("form", { class: "grid", on: { submit } }, field(t("fields.id"), id, t("open.id")), go), place);
}

function authorisers(items) {
  if (!items.length) return empty(t("open.none"));
  return items.map((one) =>
    el(
      "article",
      { class: "finding", data: { authorizer: one.appId, level: TONES[one.state] === "bad" ? "red" : TONES[one.state] === "warn" ? "yellow" : "green" } },
      el("div", { class: "line" }, badge(TONES[one.state] || "plain", t(`authorisations.${one.state}`)), el("strong", {}, said(one.name || one.appId)), el("code", {}, one.appId), one.account ? el("a", { href: `#/account/${encodeURIComponent(one.account)}` }, said(one.account)) : null),
      el("p", { class: "soft" }, t(`channels.${one.channel}`), one.principal ? [" · ", said(one.principal)] : null, " · ", t(one.verified ? "open.verified" : "open.unverified"), one.since ? ` · ${moment(one.since)}` : ""),
      el("p", { class: "badges" }, one.permissionSets.map((set) => badge("plain", said(language === "zh" ? set.nameZh : set.nameEn)))),
    ),
  );
}
