// Does the demo's page do what the README says? A text, a picture, a menu click, a follow, each seen on both sides.
// Takes DEMO_URL; takes a picture: into target/, with WRITE_PICTURE=1 into docs/images/demo.png, or where SCREENSHOT says.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const url = process.env.DEMO_URL;
const place = process.env.WRITE_PICTURE === "1" ? "../../docs/images/demo.png" : "../../target/browser/demo.png";
const picture = process.env.SCREENSHOT || path.join(here, place);
const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
const LIMIT = 15000;

if (!url) {
  console.error("DEMO_URL is not set");
  process.exit(64);
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const problems = [];
let doing = "open the page";

/** One step with a name that the failure message repeats. */
async function step(name, work) {
  doing = name;
  await work();
  console.log(`ok  ${name}`);
}

try {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, deviceScaleFactor: 2, locale: "en-GB", colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Refused to/.test(message.text())) problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) problems.push(`external request: ${request.url()}`);
  });

  const chat = page.locator(".phone-chat");
  const theirs = chat.locator(".line.is-theirs");
  const mine = chat.locator(".line.is-mine");
  const event = (kind, text) => page.locator(`.event[data-kind="${kind}"]`, { hasText: text }).first();
  const road = (card) => card.locator(".reply").first().locator(".road");
  const passive = async (card) => {
    await road(card).waitFor();
    const shown = (await road(card).textContent()).trim();
    if (shown !== "PASSIVE") throw new Error(`the answer took the road ${shown}, not PASSIVE`);
  };

  await step("the page opens, in both languages", async () => {
    await page.goto(`${url}${url.includes("?") ? "&" : "?"}lang=zh`);
    await page.getByText("用户的手机").waitFor();
    await page.locator("#language").click();
    await page.getByText("What the bridge did").waitFor();
  });

  const text = `Hello ${Date.now() % 100000}`;
  await step("a text is echoed on the phone, passively", async () => {
    await page.locator(".phone-input").fill(text);
    await page.locator(".phone-send").click();
    await mine.filter({ hasText: text }).first().waitFor();
    await theirs.filter({ hasText: text }).first().waitFor();
    await passive(event("message", text));
  });

  await step("markup in a text stays text", async () => {
    const markup = "<b>1 < 2 & 3</b><img src=x onerror=document.title='broken'>";
    await page.locator(".phone-input").fill(markup);
    await page.locator(".phone-send").click();
    await mine.filter({ hasText: "<b>1 < 2 & 3</b>" }).first().waitFor();
    if ((await page.title()) === "broken") throw new Error("the page ran what a customer wrote");
  });

  await step("a menu click is answered", async () => {
    const before = await theirs.count();
    await page.locator('.phone-menu [data-deed="HELP"]').click();
    await event("interaction", "").waitFor();
    await theirs.nth(before).waitFor();
  });

  await step("following is answered", async () => {
    const before = await theirs.count();
    await page.locator('.deeds [data-deed="follow"]').click();
    await event("signal", "").waitFor();
    await theirs.nth(before).waitFor();
  });

  await step("图片 is answered with a picture", async () => {
    await page.locator('.deeds [data-deed="picture"]').click();
    const image = theirs.locator("img").last();
    await image.waitFor();
    await page.waitForFunction((element) => element.complete && element.naturalWidth > 100, await image.elementHandle());
    await road(event("message", "图片")).waitFor();
  });

  await step("the quota is counted", async () => {
    const left = await page.locator("#quota-dots .is-left").count();
    if (left < 1) throw new Error("no message of the window is left after a customer wrote");
  });

  doing = "take the picture";
  await page.mouse.move(0, 0);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.waitForTimeout(400);
  await mkdir(path.dirname(picture), { recursive: true });
  await page.screenshot({ path: picture });
  console.log(`ok  ${path.relative(process.cwd(), picture)}`);

  await step("it fits a phone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) throw new Error(`the page is ${over} pixels too wide`);
  });

  if (problems.length) throw new Error(problems.join("\n"));
  console.log("the demo works");
} catch (error) {
  console.error(`FAILED: ${doing}\n${error.message}`);
  for (const problem of problems) console.error(problem);
  process.exitCode = 1;
} finally {
  await browser.close();
}
