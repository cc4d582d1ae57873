// What do the tests of the console share? A bridge with a browser before it, people who use it, and what all of them watch.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { ask, start } from "./bridge.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const pictures = path.join(here, process.env.WRITE_PICTURE === "1" ? "../../docs/images" : "../../target/browser");
const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
const binary = path.resolve(here, process.env.WXBRIDGE_BIN || "../../target/release/wxbridge");

const problems = [];
let doing = "start";

export const bridge = await start(binary);
export const { internal, sim, public: outside } = bridge.url;
export const admin = (method, place, body) => ask(internal, method, place, body, bridge.token);
export const simulated = (method, place, body) => ask(sim, method, place, body);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

/** One step with a name that the failure message repeats. */
export async function step(name, work) {
  doing = name;
  await work();
  console.log(`ok  ${name}`);
}

export function must(holds, words) {
  if (!holds) throw new Error(words);
}

/** A browser of somebody's; whatever its pages complain of is a problem, and so is a request to anywhere but `places`. */
export async function person({ locale = "en-GB", width = 1360, height = 900, places = [internal], headers } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale, colorScheme: "light", timezoneId: "Asia/Shanghai", extraHTTPHeaders: headers });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to|TrustedHTML/.test(message.text())) problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!places.some((place) => request.url().startsWith(`${place}/`)) && !request.url().startsWith("data:")) problems.push(`external request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return page;
}

export async function logIn(page, token) {
  await page.goto(`${internal}/`);
  await page.locator("#token").fill(token);
  await page.locator('[data-act="login"]').click();
  await page.locator("#nav a").first().waitFor();
}

export async function open(page, place, marker) {
  await page.evaluate((hash) => (location.hash = hash), `#/${place}`);
  await page.locator(`.view[data-view="${place.split(/[/?]/)[0]}"] ${marker || "h1"}`).first().waitFor();
}

export async function fits(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  must(over <= 0, `${page.url()} is ${over} pixels too wide`);
}

export async function picture(page, name) {
  await mkdir(pictures, { recursive: true });
  await page.locator("#toast").waitFor({ state: "hidden" });
  await page.mouse.move(0, 0);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: path.join(pictures, `console-${name}.png`) });
}

/** Runs what a test tells, then says what went wrong, closes the browser and ends the bridge. */
export async function tell(story, ends) {
  try {
    await story();
    if (problems.length) throw new Error(problems.join("\n"));
    console.log(ends);
  } catch (error) {
    console.error(`FAILED: ${doing}\n${error.stack}`);
    for (const problem of problems) console.error(problem);
    process.exitCode = 1;
  } finally {
    await browser.close();
    await bridge.stop();
  }
}
