// What do all views share? Headings, tables, badges, refusals with their remedy, questions before what cannot be undone.
import { get } from "./api.js";
import { el, fill, put } from "./dom.js";
import { t } from "./say.js";

/** A small coloured word. `tone`: good | warn | bad | plain. */
export const badge = (tone, text) => el("span", { class: "badge", data: { tone } }, text);

export const heading = (title, lead, ...more) => el("div", { class: "heading" }, el("div", {}, el("h1", {}, title), lead && el("p", { class: "soft" }, lead)), more.length ? el("div", { class: "acts" }, ...more) : null);

export const section = (title, ...children) => el("section", { class: "sheet" }, title && el("h2", {}, title), ...children);

export const empty = (text) => el("p", { class: "empty" }, text);

/** Names and values under each other. */
export const facts = (pairs) => el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

/** Rows that become cards on a phone; each cell knows its column's name. */
export function table(columns, rows, name) {
  const head = el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col" }, column))));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell, at) => el("td", { data: { column: columns[at] } }, el("div", {}, cell)))));
  return el("table", { class: "rows", "aria-label": name }, head, el("tbody", {}, body));
}

/** What the bridge refused, why, and what to do. */
export function refusal(error) {
  if (error.name === "AbortError") return null;
  const problem = error.problem || {};
  if (problem.code === "OFFLINE") return el("div", { class: "refusal", role: "alert" }, el("strong", {}, t("offline")));
  const known = t(`codes.${problem.code}`);
  const title = known === problem.code ? problem.title || error.message : known;
  return el(
    "div",
    { class: "refusal", role: "alert" },
    el("strong", {}, title, " ", problem.code && el("code", {}, problem.code)),
    problem.detail && el("p", { class: "detail" }, problem.detail),
    problem.remedy && el("p", {}, el("b", {}, t("remedy")), " ", problem.remedy),
    error.retryAfter ? el("p", {}, t("retryAfter", { count: error.retryAfter })) : null,
  );
}

/** A button that does one thing at a time; what is refused appears in `place`. */
export function button(label, work, { tone = "plain", place, name, title } = {}) {
  const one = el("button", { type: "button", data: { tone, ...(name ? { act: name } : {}) }, title });
  put(one, label);
  one.addEventListener("click", () => run(one, work, place));
  return one;
}

/** Runs `work` with `one` held down. */
export async function run(one, work, place) {
  if (one.disabled) return;
  one.disabled = true;
  if (place) fill(place);
  try {
    await work();
  } catch (error) {
    const shown = refusal(error);
    if (shown && place) fill(place, shown);
    else if (shown) toast(error.message);
  } finally {
    one.disabled = false;
  }
}

let fading;
export function toast(text) {
  const place = document.getElementById("toast");
  fill(place, text);
  place.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (place.hidden = true), 4000);
}

/** Asks before something that cannot be undone; with `word`, it must be typed. */
export function sure(question, { act, tone = "bad", word } = {}) {
  return new Promise((resolve) => {
    const typed = word ? el("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": t("typeWord", { word }) }) : null;
    const go = el("button", { type: "submit", data: { tone, act: "sure" }, disabled: Boolean(word) }, act);
    const no = el("button", { type: "button", data: { act: "no" }, on: { click: () => dialog.close() } }, t("cancel"));
    const form = el("form", { on: { submit: (event) => (event.preventDefault(), (answer = true), dialog.close()) } }, el("p", {}, question), word && el("label", {}, t("typeWord", { word }), typed), el("div", { class: "acts" }, no, go));
    const dialog = el("dialog", {}, form);
    let answer = false;
    typed?.addEventListener("input", () => (go.disabled = typed.value !== word));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Whoever left the page did not say yes. */
export const closeQuestions = () => document.querySelectorAll("dialog").forEach((dialog) => dialog.close());

/** Something is typed in that nobody has sent. */
export const begun = (place) => [...place.querySelectorAll("input:not([type=search])")].some((input) => input.value !== input.defaultValue);
/** What would be gone with the page: that, or a text that is shown once. */
export const unfinished = (place) => place.querySelector("[data-once]") !== null || begun(place);

/** Goes to a place, or shows it anew where one is there already. */
export function go(place) {
  if (location.hash === place) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = place;
}

/** A labelled field of a form. */
export function field(label, input, hint) {
  return el("label", { class: "field" }, el("span", {}, label), input, hint && el("small", {}, hint));
}

/** Shows that something is coming, then what `load` made, or why it did not come. */
export async function within(place, load) {
  fill(place, el("p", { class: "empty" }, t("loading")));
  try {
    fill(place, await load());
  } catch (error) {
    if (error.name !== "AbortError") fill(place, refusal(error));
  }
}

/** A list page by page: more of it when asked for. */
export async function pages(place, path, card, none, signal) {
  const list = el("div", { class: "stack" });
  const foot = el("div", { class: "foot" });
  let after = "";
  const next = async () => {
    const page = await get(after ? `${path}&after=${encodeURIComponent(after)}` : path, signal);
    put(list, page.items.map(card));
    if (!list.children.length) put(list, empty(none));
    after = page.next;
    fill(foot, after ? button(t("more"), next, { name: "more" }) : null);
  };
  await within(place, async () => (await next(), [list, foot]));
}
