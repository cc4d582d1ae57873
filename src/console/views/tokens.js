// Who may come in at the internal doors? Tokens: made here and shown once, revoked here.
import { at, del, get, post, whole } from "../api.js";
import { el, fill, said } from "../dom.js";
import { moment, t } from "../say.js";
import { badge, button, empty, facts, field, heading, run, section, sure, toast, within } from "../ui.js";

const SCOPES = ["viewer", "operator", "core", "token"];
const TONES = { operator: "warn", core: "good", token: "good", viewer: "plain" };

export async function tokens({ main, me, signal }) {
  const list = el("div", { class: "stack", id: "tokens" });
  const load = () =>
    within(list, async () => {
      const found = await whole("/admin/v1/tokens?limit=500", signal);
      return found.length ? found.map((one) => card(one, me, load)) : empty(t("tokens.none"));
    });
  main.append(heading(t("menu.tokens"), t("tokens.lead")), ...(me.role === "operator" ? [await creation(load, signal)] : []), list);
  await load();
}

/** Whose token it is to be; the fields that the scope has. */
async function creation(again, signal) {
  const cores = (await get("/admin/v1/cores?limit=1000", signal)).items.map((core) => core.name);
  const place = el("div");
  const name = el("input", { name: "name", required: true, maxlength: 64, autocomplete: "off", spellcheck: "false" });
  const scope = el("select", { name: "scope" }, SCOPES.map((one) => el("option", { value: one }, t(`tokens.scopes.${one}`))));
  const core = el("select", { name: "core" }, cores.map((one) => el("option", { value: one }, one)));
  const globs = el("input", { name: "accounts", autocomplete: "off", spellcheck: "false" });
  const bound = el("div", { class: "grid" });
  const redraw = () => fill(bound, scope.value === "core" ? field(t("tokens.core"), core) : null, ["core", "token"].includes(scope.value) ? field(t("tokens.accounts"), globs, t("tokens.accountsHint")) : null);
  const go = el("button", { type: "submit", data: { tone: "good", act: "create" } }, t("tokens.create"));
  const make = async () => {
    const wish = { name: name.value.trim(), scope: scope.value };
    if (wish.scope === "core" && core.value) wish.core = core.value;
    const accounts = ["core", "token"].includes(wish.scope) ? globs.value.split(/[\s,，]+/).filter(Boolean) : [];
    if (accounts.length) wish.accounts = accounts;
    const made = await post("/admin/v1/tokens", wish);
    name.value = "";
    await again();
    fill(place, once(made, () => fill(place)));
  };
  const submit = (event) => {
    event.preventDefault();
    run(go, make, place);
  };
  scope.addEventListener("change", redraw);
  redraw();
  return section(t("tokens.new"), el("form", { class: "grid", autocomplete: "off", on: { submit } }, field(t("tokens.name"), name), field(t("tokens.scope"), scope, t("tokens.scopeHint")), bound, go), place);
}

/** The text, this once: no list and no log has it. */
const once = (made, forget) => el("div", { class: "sheet", role: "status" }, el("p", {}, t("tokens.once", { name: made.name })), el("code", { class: "copy", id: "new-token", data: { once: "" } }, made.token), el("div", { class: "acts" }, button(t("tokens.forget"), forget, { name: "forget" })));

function card(one, me, again) {
  const place = el("div");
  const revoke = button(
    t("tokens.revoke"),
    async () => {
      if (!(await sure(t("tokens.revokeSure", { name: one.name }), { act: t("tokens.revoke") }))) return;
      await del(at("admin", "v1", "tokens", one.id));
      toast(t("tokens.revoked", { name: one.name }));
      await again();
    },
    { tone: "bad", place, name: "revoke" },
  );
  return el(
    "article",
    { class: "sheet act", data: { token: one.id } },
    el("div", { class: "line" }, el("strong", {}, said(one.name)), badge(TONES[one.scope] || "plain", t(`tokens.scopes.${one.scope}`)), el("span", { class: "soft" }, moment(one.created))),
    facts([[t("tokens.core"), one.core], [t("tokens.accounts"), one.accounts.length ? one.accounts.map((glob) => [el("code", {}, glob), " "]) : ["core", "token"].includes(one.scope) ? t("tokens.allAccounts") : ""]]),
    place,
    me.role === "operator" ? el("div", { class: "acts" }, revoke) : null,
  );
}
