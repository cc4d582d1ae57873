// Does the demo's page do what the README says? On every channel's phone a text, a picture both ways, a card, a menu click
// and the end of the session, each seen on both sides.
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

  const phone = (channel) => page.locator(`.phone[data-channel="${channel}"]`);
  const event = (kind, text) => page.locator(`.event[data-kind="${kind}"]`, { hasText: text }).first();
  const road = (card) => card.locator(".reply").first().locator(".road");
  const passive = async (card) => {
    await road(card).waitFor();
    const shown = (await road(card).textContent()).trim();
    if (shown !== "PASSIVE") throw new Error(`the answer took the road ${shown}, not PASSIVE`);
  };
  const deed = (name) => page.locator(`.deeds [data-deed="${name}"]`).click();

  let channels = [];
  await step("the page opens, in both languages, with a phone for each channel", async () => {
    await page.goto(`${url}${url.includes("?") ? "&" : "?"}lang=zh`);
    await page.getByText("用户的手机").waitFor();
    await page.locator("#language").click();
    await page.getByText("What the bridge did").waitFor();
    channels = await page.locator("#channels button").evaluateAll((tabs) => tabs.map((tab) => tab.dataset.channel));
    if (!channels.includes("official_account")) throw new Error(`the phones are of ${channels}`);
  });

  for (const channel of channels) {
    const theirs = phone(channel).locator(".line.is-theirs");
    const mine = phone(channel).locator(".line.is-mine");
    const says = async (text) => {
      await phone(channel).locator(".phone-input").fill(text);
      await phone(channel).locator(".phone-send").click();
      await mine.filter({ hasText: text }).first().waitFor();
    };

    await step(`${channel}: its phone is picked`, async () => {
      await page.locator(`#channels [data-channel="${channel}"]`).click();
      await phone(channel).locator(".phone-input").waitFor();
    });

    const text = `Hello ${channel} ${Date.now() % 100000}`;
    await step(`${channel}: a text is echoed on the phone`, async () => {
      await says(text);
      await theirs.filter({ hasText: text }).first().waitFor();
      await road(event("message", text)).waitFor();
      if (["official_account", "wecom_app"].includes(channel)) await passive(event("message", text));
    });

    await step(`${channel}: markup in a text stays text`, async () => {
      await says(`<b>1 < 2 & 3</b><img src=x onerror=document.title='broken'>`);
      if ((await page.title()) === "broken") throw new Error("the page ran what a customer wrote");
    });

    await step(`${channel}: 图片 is answered with a picture`, async () => {
      await deed("picture");
      const image = theirs.locator("img").last();
      await image.waitFor();
      await page.waitForFunction((element) => element.complete && element.naturalWidth > 100, await image.elementHandle());
      await road(event("message", "图片")).waitFor();
    });

    await step(`${channel}: a photo reaches the core`, async () => {
      await deed("photo");
      await mine.locator("img").last().waitFor();
      await theirs.filter({ hasText: "收到您的图片" }).first().waitFor();
    });

    await step(`${channel}: a card is shown`, async () => {
      await deed("card");
      await theirs.filter({ hasText: "订单 88" }).first().waitFor();
    });

    await step(`${channel}: a menu is shown, and a click on it is answered`, async () => {
      await deed("menu");
      const menu = theirs.filter({ hasText: "什么时候发货" }).last();
      await menu.waitFor();
      await menu.locator(".choice, .inline").first().click();
      await theirs.filter({ hasText: "您选择了" }).last().waitFor();
      await event("interaction", "").waitFor();
    });

    if (channel === "official_account") {
      await step(`${channel}: the bar below and following are answered`, async () => {
        const before = await theirs.count();
        await phone(channel).locator('.phone-menu [data-deed="HELP"]').click();
        await theirs.nth(before).waitFor();
        await deed("follow");
        await event("signal", "").waitFor();
        await theirs.nth(before + 1).waitFor();
      });
    } else {
      await step(`${channel}: opening the chat is told`, async () => {
        await phone(channel).locator(".phone-follow").click();
        await phone(channel).locator(".between").last().waitFor();
        await event("signal", "").waitFor();
      });
    }

    await step(`${channel}: the quota is counted`, async () => {
      if (channel === "wecom_app") return;
      const left = await page.locator("#quota-dots .is-left").count();
      if (left < 1) throw new Error("no message of the window is left after a customer wrote");
    });

    await step(`${channel}: the session ends with its closing words`, async () => {
      await deed("end");
      await theirs.filter({ hasText: "本次服务已结束" }).first().waitFor();
    });
  }

  await step("the first phone is back", async () => {
    await page.locator("#channels button").first().click();
    await phone(channels[0]).locator(".phone-input").waitFor();
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
