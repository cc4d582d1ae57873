// How does somebody bind an account with a scan, and who has done so? An open platform's links and authorisers.
import { at, post, whole } from "../api.js";
import { el, fill, said } from "../dom.js";
import { language, moment, t } from "../say.js";
import { badge, button, empty, field, run, section, within } from "../ui.js";

/** Milliseconds between two looks at who authorised. */
const LOOK = 3000;
const TONES = { bound: "good", unclaimed: "warn", needs_reauth: "bad", revoked: "bad" };

/** Sections of an open platform's own page. */
export function open(platform, me, signal) {
  const list = el("div", { class: "stack", id: "authorizers" });
  follow(list, platform, signal);
  return [me.role === "operator" ? invitation(platform) : null, section(t("open.authorizers"), list)];
}

/** Whoever made a link waits here until somebody scanned. */
async function follow(list, platform, signal) {
  const look = async () => authorisers(await whole(at("admin", "v1", "open", platform, "authorizers"), signal));
  await within(list, look);
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    if (signal.aborted) return;
    try {
      fill(list, await look());
    } catch {
      // What was seen last stays; the next look may succeed.
    }
  }
}

function invitation(platform) {
  const place = el("div");
  const id = el("input", { name: "invited", required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,62}", autocomplete: "off", spellcheck: "false" });
  const go = el("button", { type: "submit", data: { tone: "good", act: "invite" } }, t("open.invite"));
  const submit = (event) => {
    event.preventDefault();
    run(go, () => link(place, platform, id.value.trim()), place);
  };
  return section(t("open.title"), el("p", { class: "soft" }, t("open.lead")), el("form", { class: "grid", on: { submit } }, field(t("fields.id"), id, t("open.id")), go), place);
}

/** What the admin of an account that was bound by a scan granted, and a link to scan once more. */
export function authorisation(view, me, signal) {
  const { id, channel, via } = view.account;
  const granted = el("div", { class: "stack" });
  within(granted, async () => {
    const all = await whole(at("admin", "v1", "open", via, "authorizers"), signal);
    return all.filter((one) => one.account === id).map(grant);
  });
  const place = el("div");
  const again = button(t("open.again"), () => link(place, via, id), { place, name: "again" });
  return section(t("open.authorisation"), granted, el("p", { class: "soft" }, t(`open.where.${channel}`)), me.role === "operator" ? [el("p", { class: "soft" }, t("open.againLead")), again, place] : null);
}

/** Whether an account was bound by a scan. */
export const scanned = ({ account }) => Boolean(account.via) && ["official_account", "mini_program"].includes(account.channel);

async function link(place, platform, account) {
  const made = await post(at("admin", "v1", "open", platform, "bind-links"), { account });
  fill(place, el("p", {}, t("open.link", { until: moment(made.expires) })), el("code", { class: "copy", id: "bind-link", data: { once: "" } }, made.url));
}

const grant = (one) => [
  el("div", { class: "line" }, badge(TONES[one.state] || "plain", t(`authorisations.${one.state}`)), el("strong", {}, said(one.name || one.appId)), about(one)),
  sets(one),
];

const sets = (one) => el("p", { class: "badges" }, one.permissionSets.map((set) => badge("plain", `${set.id} ${language === "zh" ? set.nameZh : set.nameEn}`)));

const about = (one) => el("span", { class: "soft" }, t(`channels.${one.channel}`), one.principal ? [" · ", said(one.principal)] : null, " · ", t(one.verified ? "open.verified" : "open.unverified"), one.since ? ` · ${moment(one.since)}` : "");

function authorisers(items) {
  if (!items.length) return empty(t("open.none"));
  return items.map((one) =>
    el(
      "article",
      { class: "finding", data: { authorizer: one.appId, level: TONES[one.state] === "bad" ? "red" : TONES[one.state] === "warn" ? "yellow" : "green" } },
      el("div", { class: "line" }, badge(TONES[one.state] || "plain", t(`authorisations.${one.state}`)), el("strong", {}, said(one.name || one.appId)), el("code", {}, one.appId), one.account ? el("a", { href: `#/account/${encodeURIComponent(one.account)}` }, said(one.account)) : null),
      about(one),
      sets(one),
    ),
  );
}
