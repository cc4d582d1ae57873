// Does the system before still hear an account, and does it say the same as we do?
import { at, get, post } from "../api.js";
import { el, fill, said } from "../dom.js";
import { millis, moment, t } from "../say.js";
import { badge, empty, facts, field, pages, run, section, sure, toast, within } from "../ui.js";

const MODES = ["off", "tee", "answer"];
const TONES = { off: "plain", tee: "warn", answer: "warn" };

/** Sections of an account's own page. */
export function passthrough(id, me, signal) {
  const body = el("div", { class: "stack", id: "passthrough" });
  const load = async () => {
    const now = await get(at("admin", "v1", "accounts", id, "passthrough"), signal);
    return [standing(now), me.role === "operator" ? change(id, now, async () => fill(body, await load())) : null, now.mode === "off" ? null : compared(id, signal)];
  };
  within(body, load);
  return section(t("passthrough.title"), el("p", { class: "soft" }, t("passthrough.lead")), body);
}

const standing = (now) => el("div", { class: "line" }, badge(TONES[now.mode] || "plain", t(`passthrough.modes.${now.mode}`)), now.url ? el("code", { class: "copy" }, now.url) : null);

function change(id, now, again) {
  const place = el("div");
  const url = el("input", { name: "oldUrl", type: "url", autocomplete: "off", spellcheck: "false", value: now.url });
  const mode = el("select", { name: "mode" }, MODES.map((name) => el("option", { value: name, selected: name === now.mode }, t(`passthrough.modes.${name}`))));
  const go = el("button", { type: "submit", data: { act: "pass" } }, t("passthrough.set"));
  const submit = (event) => {
    event.preventDefault();
    run(
      go,
      async () => {
        const wish = { mode: mode.value, ...(mode.value === "off" ? {} : { url: url.value.trim() }) };
        // Whose answer customers get changes with it.
        if ((wish.mode === "answer") !== (now.mode === "answer") && !(await sure(t(`passthrough.sure.${wish.mode}`), { act: t("passthrough.set"), tone: "warn" }))) return;
        await post(at("admin", "v1", "accounts", id, "passthrough"), wish);
        toast(t("passthrough.done"));
        await again();
      },
      place,
    );
  };
  return el("form", { class: "grid", on: { submit } }, field(t("passthrough.url"), url, t("passthrough.urlHint")), field(t("passthrough.mode"), mode), go, place);
}

function compared(id, signal) {
  const list = el("div", { class: "stack" });
  pages(list, `/admin/v1/passthrough?limit=20&account=${encodeURIComponent(id)}`, pair, t("passthrough.none"), signal);
  return list;
}

function pair(one) {
  const answer = (name) => [t(`passthrough.${name}`), [badge("plain", one[name].kind || t("passthrough.nothing")), " ", one[name].text ? said(one[name].text) : null]];
  return el(
    "article",
    { class: "finding", data: { compared: one.same ? "same" : "other", level: one.fault ? "red" : one.same ? "green" : "yellow" } },
    el("div", { class: "line" }, badge(one.fault ? "bad" : one.same ? "good" : "warn", t(one.fault ? "passthrough.failed" : one.same ? "passthrough.same" : "passthrough.other")), el("span", { class: "soft" }, moment(one.time), " · ", t(`passthrough.returned.${one.returned}`))),
    facts([answer("ours"), answer("old"), [t("passthrough.took"), one.oldStatus ? `${one.oldStatus} · ${millis(one.oldMs)}` : millis(one.oldMs)], [t("passthrough.fault"), one.fault && said(one.fault)], [t("message.event"), one.eventId && el("code", {}, one.eventId)]]),
  );
}
