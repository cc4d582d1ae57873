// In which language, and how does a time or a number look in it?
import { EN } from "./words/en.js";
import { ZH } from "./words/zh.js";

const WORDS = { en: EN, zh: ZH };
const KEPT = "wxbridge.language";

export let language = kept() || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function kept() {
  try {
    const found = localStorage.getItem(KEPT);
    return found in WORDS ? found : "";
  } catch {
    return "";
  }
}

export function speak(wanted) {
  language = wanted;
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

/** The words for `key`, with `{name}` filled in; a value that has no word of ours is shown as it is. */
export function t(key, values = {}) {
  const words = key.split(".").reduce((found, name) => found?.[name], WORDS[language]);
  const text = typeof words === "string" ? words : key.split(".").pop();
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** How much more Chinese than Latin letters a text has. */
const chinese = (text) => (text.match(/[\u3400-\u9fff]/g) || []).length - (text.match(/[a-z]/gi) || []).length;

/** The half in the page's language of a text that says a thing as "English / Chinese". English may name in Chinese what is clicked, and either half may hold a slash: the halves differ most where they meet. */
export function ours(text = "") {
  const parts = text.split(" / ");
  const cuts = parts.slice(1).map((_, at) => [parts.slice(0, at + 1).join(" / "), parts.slice(at + 1).join(" / ")]);
  const apart = ([en, zh]) => chinese(zh) - chinese(en);
  const [en, zh] = cuts.sort((one, other) => apart(other) - apart(one))[0] || [text, ""];
  if (!/[\u3400-\u9fff]/.test(zh)) return text;
  const code = en.match(/^[A-Z][A-Z_]+: /)?.[0] || "";
  return language === "zh" ? code + zh : en;
}

export const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

/** A moment, as short as it may be said today. */
export function moment(text) {
  if (!text) return "–";
  const at = new Date(text);
  const today = new Date().toDateString() === at.toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return at.toLocaleString(locale(), today ? time : { year: "numeric", month: "2-digit", day: "2-digit", ...time });
}

/** The bridge's words, with each moment in them as it is here. */
export const here = (text = "") => text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (at) => moment(at));

export function seconds(count) {
  if (count < 120) return t("time.seconds", { count });
  if (count < 7200) return t("time.minutes", { count: Math.round(count / 60) });
  if (count < 172800) return t("time.hours", { count: Math.round(count / 3600) });
  return t("time.days", { count: Math.round(count / 86400) });
}

export const ago = (text) => (text ? t("time.ago", { time: seconds(Math.max(0, Math.round((Date.now() - new Date(text)) / 1000))) }) : t("time.never"));

export const millis = (count) => (count < 1000 ? `${Math.round(count)} ms` : `${(count / 1000).toFixed(1)} s`);

export const number = (count) => Number(count).toLocaleString(locale());
