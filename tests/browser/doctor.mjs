// What does the console's doctor say, asked until he says what a test expects?
import { until } from "./bridge.mjs";
import { must, open } from "./stage.mjs";

const WORDS = { en: ["What to do:", "Where:"], zh: ["处理办法：", "位置："] };

export async function findings(page) {
  if (!page.url().endsWith("#/doctor")) await open(page, "doctor", '[data-act="doctor"]');
  await page.locator('[data-act="doctor"]').click();
  await page.locator("#findings [data-finding]").first().waitFor();
  return page.locator("#findings [data-finding]").evaluateAll((all) => all.map((it) => ({ id: it.dataset.finding, level: it.dataset.level, text: it.textContent })));
}

/** Asks the doctor again and again until `holds` of what he found. */
export async function asked(page, what, holds, limit = 30000) {
  let last = [];
  await until(what, async () => holds((last = await findings(page))), limit).catch((error) => {
    const open = last.filter((it) => it.level !== "green").map((it) => `\n  ${it.level} ${it.id}: ${it.text}`);
    throw new Error(`${error.message}${open.join("") || " (all is green)"}`);
  });
  return last;
}

/** He names it, with what was seen, what to do and where, in the page's language. */
export async function named(page, id, level, ...words) {
  const is = (it) => it.id === id && it.level === level && words.every((word) => it.text.includes(word));
  const { text } = (await asked(page, `${level} ${id} ${words}`, (all) => all.some(is))).find(is);
  const language = (await page.locator("html").getAttribute("lang")).startsWith("zh") ? "zh" : "en";
  for (const word of WORDS[language]) must(text.includes(word), `${id} does not say ${word} ${text}`);
  if (language === "zh") must((text.match(/[\u4e00-\u9fff]/g) || []).length > 20, `${id} is not said in Chinese: ${text}`);
}

export const green = (page, limit) => asked(page, "all green", (all) => all.length > 4 && all.every((it) => it.level === "green"), limit);
