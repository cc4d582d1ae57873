// How is one account, what may it do, and what can be changed?
import { at, del, get, post } from "../api.js";
import { el, fill, said } from "../dom.js";
import { ago, here, moment, ours, t } from "../say.js";
import { badge, button, facts, field, go, heading, run, section, sure, toast, within } from "../ui.js";
import { pauseBadge, roads, stateBadge } from "./accounts.js";
import { findings } from "./findings.js";
import { authorisation, open, scanned } from "./open.js";
import { passthrough } from "./passthrough.js";
import { settings } from "./settings.js";

export async function account({ main, rest, me, signal }) {
  const id = rest[0] || "";
  const body = el("div", { class: "stack" });
  main.append(heading(said(id), null, el("a", { class: "button", href: "#/accounts" }, t("back"))), body);
  const load = async () => {
    const view = await get(at("admin", "v1", "accounts", id), signal);
    return [glance(view), warnings(view), view.account.channel === "open_platform" ? open(id, me, signal) : null, scanned(view) ? authorisation(view, me, signal) : null, me.role === "operator" ? changes(view, load, body) : null, view.account.channel === "open_platform" ? null : passthrough(id, me, signal), settings(view, { me, signal, body, load }), doctor(id, signal), abilities(view)];
  };
  await within(body, load);
}

function glance(view) {
  const { channel, platformId, subId, via } = view.account;
  return section(
    "",
    el("div", { class: "line" }, stateBadge(view), pauseBadge(view), roads(view)),
    facts([
      [t("account.channel"), t(`channels.${channel}`)],
      [t("account.platformId"), el("code", {}, platformId)],
      [t("account.subId"), subId && el("code", {}, subId)],
      [t("account.via"), via],
      [t("account.bound"), `${t(`bound.${scanned(view) ? "scanned" : view.bound}`)} · ${moment(view.boundAt)}`],
      [t("accounts.lastCallback"), `${moment(view.lastCallback)} (${ago(view.lastCallback)})`],
      ...addresses(view),
    ]),
  );
}

/** What is entered at the platform; nothing where the callbacks come in at another account. */
function addresses(view) {
  const urls = view.callbackUrls || [];
  const shown = (some) => some.map((url) => el("code", { class: "copy" }, url));
  if (!urls.length) return view.account.via ? [] : [[t("account.callback"), t("account.noUrl")]];
  if (view.account.channel !== "open_platform") return [[t("account.callback"), shown(urls)]];
  return [
    [t("account.events"), shown(urls.filter((url) => url.endsWith("/events")))],
    [t("account.messages"), shown(urls.filter((url) => url.endsWith("$APPID$")))],
    [t("account.start"), shown([new URL(urls[0]).host])],
  ];
}

function warnings(view) {
  const said_ = view.warnings || [];
  if (!said_.length) return null;
  return section(t("account.warnings"), el("ul", { class: "warnings" }, said_.map((text) => el("li", { class: "warning" }, said(here(ours(text)))))));
}

/** Its events wait, or go on. */
function pausing(view, load, body, place) {
  const { id } = view.account;
  const what = view.pausedSince ? "resume" : "pause";
  return button(
    t(`account.${what}`),
    async () => {
      if (!(await sure(t(`account.${what}Sure`, { id }), { act: t(`account.${what}`), tone: what === "pause" ? "bad" : "good" }))) return;
      await post(at("admin", "v1", "accounts", id, what));
      toast(t(`account.${what}d`, { id }));
      fill(body, await load());
    },
    { tone: what === "pause" ? "plain" : "good", place, name: what },
  );
}

/** New callback values, where the account has some of its own; a pause, and the end of it. */
function changes(view, load, body) {
  const { id } = view.account;
  const place = el("div");
  const token = el("input", { type: "text", autocomplete: "off", spellcheck: "false", name: "token" });
  const key = el("input", { type: "text", autocomplete: "off", spellcheck: "false", name: "encodingAesKey", maxlength: 43 });
  const rotate = el("button", { type: "submit", data: { act: "rotate" } }, t("account.rotate"));
  const submit = (event) => {
    event.preventDefault();
    run(
      rotate,
      async () => {
        const wish = {};
        if (token.value.trim()) wish.token = token.value.trim();
        if (key.value.trim()) wish.encodingAesKey = key.value.trim();
        await post(at("admin", "v1", "accounts", id, "rotate"), wish);
        toast(t("account.rotated"));
        fill(body, await load());
      },
      place,
    );
  };
  const remove = button(
    t("account.remove"),
    async () => {
      if (!(await sure(t("account.removeSure", { id }), { act: t("account.remove"), word: id }))) return;
      await del(at("admin", "v1", "accounts", id));
      toast(t("account.removed", { id }));
      go("#/accounts");
    },
    { tone: "bad", place, name: "remove" },
  );
  return section(
    t("account.change"),
    view.account.via ? null : el("form", { class: "grid", on: { submit } }, field(t("account.newToken"), token), field(t("account.newKey"), key, t("account.rotateHint")), rotate),
    place,
    el("div", { class: "acts" }, pausing(view, load, body, place), remove),
  );
}

function doctor(id, signal) {
  const list = el("div", { class: "stack" });
  const look = button(t("doctor.look"), () => within(list, async () => findings((await get(`/admin/v1/doctor?account=${encodeURIComponent(id)}`, signal)).items)), { name: "doctor" });
  return section(t("menu.doctor"), el("p", { class: "soft" }, t("account.doctor")), look, list);
}

function abilities(view) {
  const parts = view.capabilities?.outbound || [];
  if (!parts.length) return null;
  const tone = { NATIVE: "good", DEGRADED: "warn", NO: "plain" };
  return section(
    t("account.parts"),
    el("p", { class: "badges" }, parts.map((part) => badge(tone[part.support] || "plain", part.degradesTo ? `${part.type} → ${part.degradesTo}` : part.type))),
  );
}
