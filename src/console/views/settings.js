// What was an account bound with, and how is one value corrected without entering the others again?
import { at, get, patch } from "../api.js";
import { el, fill } from "../dom.js";
import { t } from "../say.js";
import { facts, field, run, section, toast, within } from "../ui.js";
import { FIELDS, SECRET, SERVED, input, valueOf } from "./fields.js";
import { scanned } from "./open.js";

/** These two have a call of their own, which honours the old ones for a while. */
const ROTATED = ["token", "encoding_aes_key"];

export function settings(view, { me, signal, body, load }) {
  const { id, channel, via } = view.account;
  const place = el("div", { id: "settings" });
  within(place, async () => {
    const bound = await get(at("admin", "v1", "accounts", id, "settings"), signal);
    const told = Object.entries(bound).filter(([name]) => name !== "id" && name !== "channel");
    const rows = told.map(([name, value]) => [t(`fields.${name}`), el("code", {}, typeof value === "string" ? value : JSON.stringify(value))]);
    // What a scan brought, the next scan brings.
    const form = me.role === "operator" && !scanned(view) ? corrected(id, via ? SERVED : FIELDS[channel], bound, async () => fill(body, await load())) : null;
    return [facts(rows), form];
  });
  return section(t("account.settings"), el("p", { class: "soft" }, t("account.settingsLead")), place);
}

function corrected(id, known, bound, again) {
  const names = [...Object.keys(known).filter((name) => !ROTATED.includes(name)), "api_base"];
  const shown = (name) => [bound[name] ?? ""].flat().join(" ");
  const inputs = names.map((name) => input(name, known[name] && !SECRET.includes(name), undefined, SECRET.includes(name) ? { placeholder: shown(name) } : { value: shown(name) }));
  const place = el("div");
  const save = el("button", { type: "submit", data: { tone: "good", act: "save" } }, t("account.save"));
  const submit = (event) => {
    event.preventDefault();
    run(
      save,
      async () => {
        const other = inputs.filter(({ value, defaultValue }) => value.trim() !== defaultValue);
        await patch(at("admin", "v1", "accounts", id), Object.fromEntries(other.map(({ name, value }) => [name, valueOf(name, value)])));
        toast(t("account.saved", { id }));
        await again();
      },
      place,
    );
  };
  const fields = inputs.map((one) => field(t(`fields.${one.name}`), one, SECRET.includes(one.name) ? t("account.keeps") : undefined));
  return el("details", {}, el("summary", {}, t("account.edit")), el("form", { autocomplete: "off", on: { submit } }, el("div", { class: "grid" }, fields), place, el("div", { class: "acts" }, save)));
}
