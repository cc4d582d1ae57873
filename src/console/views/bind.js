// How is an account entered by hand? The fields of its channel, as its console shows them.
import { at, get, patch, post, whole } from "../api.js";
import { el, fill, said } from "../dom.js";
import { t } from "../say.js";
import { begun, empty, field, go as leadTo, heading, run, sure, toast, within } from "../ui.js";
import { FIELDS, SERVED, input, valueOf } from "./fields.js";

export async function bind({ main, me, signal }) {
  if (me.role !== "operator") return main.append(heading(t("bind.title"), null, el("a", { class: "button", href: "#/accounts" }, t("back"))), empty(t("bind.viewer")));
  const place = el("div");
  const scan = el("div", { class: "sheet", id: "scan" });
  const fields = el("div", { class: "grid" });
  const channel = el("select", { name: "channel" }, Object.keys(FIELDS).map((name) => el("option", { value: name }, t(`channels.${name}`))));
  const id = input("id", true, "[a-z0-9][a-z0-9_\\-]{0,62}");
  const base = input("api_base", false);
  const go = el("button", { type: "submit", data: { tone: "good", act: "apply" } }, t("bind.go"));
  // Which of the company's applications has the callback of its customer service.
  const via = el("select", { name: "via" }, el("option", { value: "" }, t("bind.own")));
  const served = () => (channel.value === "wechat_kf" && via.selectedOptions[0].app) || null;
  const redraw = () => {
    const lent = channel.value === "wechat_kf" && via.options.length > 1 ? field(t("fields.via"), via, t("fieldHints.via")) : null;
    const names = Object.entries(served() ? SERVED : FIELDS[channel.value]);
    fill(fields, lent, names.map(([name, needed]) => field(t(`fields.${name}`), input(name, needed), t(`fieldHints.${name}`) === name ? undefined : t(`fieldHints.${name}`))));
  };
  const submit = (event) => {
    event.preventDefault();
    const app = served();
    run(go, () => apply(event.target, { channel: channel.value, ...(app && { via: app.id, corp_id: app.platformId }) }, place), place);
  };
  channel.addEventListener("change", redraw);
  via.addEventListener("change", redraw);
  redraw();
  const more = el("details", {}, el("summary", {}, t("bind.more")), field(t("fields.api_base"), base, t("fieldHints.api_base")));
  main.append(
    heading(t("bind.title"), t("bind.lead"), el("a", { class: "button", href: "#/accounts" }, t("back"))),
    scan,
    el("form", { class: "sheet", autocomplete: "off", on: { submit } }, el("div", { class: "grid" }, field(t("account.channel"), channel), field(t("fields.id"), id, t("fieldHints.id"))), fields, more, place, el("div", { class: "acts" }, go)),
  );
  await within(scan, async () => {
    const all = await whole("/admin/v1/accounts?limit=500", signal);
    const apps = all.filter((view) => view.account.channel === "wecom_app");
    via.append(...apps.map(({ account }) => Object.assign(el("option", { value: account.id }, account.id), { app: account })));
    // Not under the hands of whoever types already.
    if (!begun(fields)) redraw();
    const platforms = all.filter((view) => view.account.channel === "open_platform").map((view) => view.account.id);
    if (!platforms.length) return el("p", { class: "soft" }, t("bind.scanFirst"));
    return [el("p", {}, t("bind.scan")), el("div", { class: "acts" }, platforms.map((platform) => el("a", { class: "button", href: `#/account/${encodeURIComponent(platform)}` }, said(platform))))];
  });
}

async function apply(form, account, place) {
  for (const { name, value } of form.querySelectorAll("input")) {
    const typed = valueOf(name, value);
    if (typed !== null) account[name] = typed;
  }
  const { id } = account;
  const known = await there(id);
  if (known && known.account.channel !== account.channel) return fill(place, taken(known.account));
  if (known && !(await changes(known.account))) return;
  await (known ? patch(at("admin", "v1", "accounts", id), account) : post("/admin/v1/accounts", { account: [account] }));
  toast(t(known ? "bind.updated" : "bind.done", { id }));
  leadTo(`#/account/${encodeURIComponent(id)}`);
}

/** The account of that id, if there is one. */
async function there(id) {
  try {
    return await get(at("admin", "v1", "accounts", id));
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

const taken = ({ id, channel, platformId }) => el("div", { class: "refusal", role: "alert" }, el("strong", {}, t("bind.taken", { id, channel: t(`channels.${channel}`), platformId })), el("p", {}, el("b", {}, t("remedy")), " ", t("bind.otherId")));

/** Whoever types an id that is bound may have meant another. */
const changes = ({ id, platformId }) => sure(t("bind.changeSure", { id, platformId }), { act: t("bind.change"), word: id });
