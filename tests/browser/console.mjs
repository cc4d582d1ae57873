// Does the console show and do what it says, to whom it may, and nothing that a customer wrote as markup?
// Takes WXBRIDGE_BIN; its pictures go into target/browser/, with WRITE_PICTURE=1 into docs/images/.
import { readFile } from "node:fs/promises";
import { EN } from "../../src/console/words/en.js";
import { ZH } from "../../src/console/words/zh.js";
import { ask, serve, until } from "./bridge.mjs";
import { admin, bridge, fits, internal, logIn, must, open, outside, person, picture, sim, step, tell } from "./stage.mjs";

/** Each sets a mark where it runs, and is shown as it stands where it does not. */
const CORPUS = [
  `<script>window.pwned=1</script>`,
  `<img src=x onerror="window.pwned=1">`,
  `"><svg onload=window.pwned=1>`,
  `'-window.pwned=1-'`,
  `<a href="javascript:window.pwned=1">tap</a>`,
  `<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`,
  `</textarea></title><style>@import'//evil.example'</style>`,
  `<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=1>`,
  `{{constructor.constructor('window.pwned=1')()}}\${window.pwned=1}`,
  `\u202Egnp.<b>exe</b>\u2028`,
];
const NASTY = CORPUS[1];

/** Nothing that was sent in ran, or became an element. */
async function clean(page) {
  const found = await page.evaluate(() => [window.pwned, document.querySelectorAll("main script, main iframe, main style, main math, main [onerror], main [onload], main img[src='x'], main a[href^='javascript']").length]);
  must(found[0] === undefined && found[1] === 0, `${page.url()}: markup came in: ${found}`);
}

const app = { app_id: "wx1234567890abcdef", secret: "0123456789abcdef0123456789abcdef", token: "simtoken", encoding_aes_key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", original_id: "gh_a1b2c3d4e5f6" };
const OTHER_KEY = "GFEDCBA9876543210zyxwvutsrqponmlkjihgfedcbaA";
const phone = (account, openid, action, body = {}) => ask(sim, "POST", `/sim/v1/phones/${account}/${openid}/${action}`, body);
const says = (text, openid = "oCustomer1") => phone(app.app_id, openid, "text", { content: text });

await tell(async () => {
  await step("both languages have the same words", async () => {
    const keys = (words, under = "") => Object.entries(words).flatMap(([name, word]) => (typeof word === "string" ? [`${under}${name} ${(word.match(/\{\w+\}/g) || []).sort()}`] : keys(word, `${under}${name}.`)));
    const [en, zh] = [keys(EN), keys(ZH)];
    const alone = [...en.filter((key) => !zh.includes(key)), ...zh.filter((key) => !en.includes(key))];
    must(alone.length === 0, `only in one: ${alone}`);
  });

  await step("every error code has a title", async () => {
    const listed = (await readFile(new URL("../../docs/error-codes.md", import.meta.url), "utf8")).match(/^### \w+$/gm).map((line) => line.slice(4));
    const without = listed.filter((code) => !EN.codes[code] || !ZH.codes[code]);
    must(listed.length > 40 && without.length === 0, `no title: ${without}`);
  });

  const page = await person();
  await step("a wrong token is refused with cause and remedy, in the operator's language", async () => {
    await page.goto(`${internal}/`);
    await page.locator("#token").fill("wxb_wrong");
    await page.locator('[data-act="login"]').click();
    await page.locator(".refusal", { hasText: "UNAUTHENTICATED" }).waitFor();
    await page.locator("#language").click();
    await page.getByText("请用权限为 operator 或 viewer 的 API 令牌登录").waitFor();
    await page.locator("#token").fill("wxb_wrong");
    await page.locator('[data-act="login"]').click();
    await page.locator(".refusal", { hasText: "处理办法" }).waitFor();
    await page.locator("#language").click();
  });

  await step("the right one opens the console, and no script can read the cookie", async () => {
    await logIn(page, bridge.token);
    const cookies = await page.context().cookies();
    must(cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === "Strict", JSON.stringify(cookies));
    const kept = await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage));
    must(!kept.includes(bridge.token) && !kept.includes(cookies[0].value), "a script can read the way in");
  });

  await step("an account is bound by hand, and what is wrong is said", async () => {
    await ask(sim, "POST", "/sim/v1/accounts", app);
    await open(page, "bind", "form");
    const fill = async (values) => {
      for (const [name, value] of Object.entries(values)) await page.locator(`input[name="${name}"]`).fill(value);
    };
    await page.locator("details summary").click();
    await fill({ id: "shop", app_id: app.app_id, app_secret: app.secret, token: app.token, encoding_aes_key: "short", original_id: app.original_id, api_base: sim });
    await page.locator('[data-act="apply"]').click();
    await page.locator(".refusal", { hasText: "encoding_aes_key" }).waitFor();
    await fill({ encoding_aes_key: app.encoding_aes_key });
    await page.locator('[data-act="apply"]').click();
    await page.locator(".copy", { hasText: `${outside}/callback/shop` }).waitFor();
    await ask(sim, "POST", "/sim/v1/accounts", { app_id: app.app_id, callback_url: `${outside}/callback/shop` });
  });

  await step("customers send whatever they like", async () => {
    await phone(app.app_id, "oCustomer1", "follow");
    await says("在吗？我的订单 88 什么时候发货");
    for (const text of CORPUS) await says(text);
    await phone(app.app_id, "oCustomer2", "click", { key: NASTY });
    await phone(app.app_id, "oCustomer2", "scan", { scene: NASTY });
    await phone(app.app_id, "oCustomer2", "message", { type: NASTY, fields: { Content: NASTY } });
    await phone(app.app_id, "oCustomer2", "link", { title: NASTY, description: NASTY, url: `https://a.example/?${NASTY}` });
    await phone(app.app_id, "oCustomer2", "location", { label: NASTY });
    // WeChat customer service tells nicknames and file names.
    const kf = { channel: "wechat_kf", corp_id: "wwde30de30de30de30", name: NASTY, open_kfids: ["wkDesk00000000000000000001"] };
    const made = await ask(sim, "POST", "/sim/v1/accounts", kf);
    await admin("POST", "/admin/v1/accounts", { account: [{ id: "desk", channel: "wechat_kf", corp_id: kf.corp_id, secret: made.secret, token: made.token, encoding_aes_key: made.encoding_aes_key, open_kfids: kf.open_kfids, api_base: sim, start: "earliest" }] });
    await ask(sim, "POST", "/sim/v1/accounts", { ...kf, callback_url: `${outside}/callback/desk` });
    await ask(sim, "POST", "/sim/v1/customers", { account: kf.open_kfids[0], openid: "wmCustomer1", name: NASTY });
    await phone(kf.open_kfids[0], "wmCustomer1", "text", { content: CORPUS[0] });
    await phone(kf.open_kfids[0], "wmCustomer1", "file", { base64: "aGVsbG8=", name: `${NASTY}.txt` });
    await until("the desk's items", async () => (await admin("GET", "/admin/v1/timeline?limit=500")).items.filter((it) => it.account === "desk").length >= 2);
  });

  await step("they stand in the live view as texts", async () => {
    await open(page, "messages", ".item");
    for (const text of CORPUS.slice(0, 8)) await page.locator(".summary", { hasText: text }).first().waitFor();
    await clean(page);
    const count = await page.locator(".item").count();
    await says("now, while somebody looks");
    await page.locator(".item").filter({ hasText: "now, while somebody looks" }).locator(".reply", { hasText: "收到" }).waitFor();
    must((await page.locator(".item").count()) > count, "nothing new came by itself");
    await clean(page);
  });

  await step("a customer's id and a message's id find the message, and its whole life", async () => {
    const search = async (text) => {
      await page.locator('input[name="q"]').fill(text);
      await page.locator('[data-act="search"]').click();
    };
    await search("oCustomer1");
    await page.locator('#found [data-kind="conversation"]').first().waitFor();
    const event = (await admin("GET", "/admin/v1/timeline?limit=500")).items.find((it) => it.summary.includes("while somebody looks"));
    await search(event.eventId);
    await page.locator("#found .hit", { hasText: "while somebody looks" }).click();
    await page.locator(".life li").nth(2).waitFor();
    await page.locator(".badge", { hasText: "passive reply" }).first().waitFor();
    await page.locator(".badge", { hasText: "handed over" }).first().waitFor();
    await picture(page, "message");
    await lookFor(page, NASTY);
    await clean(page);
  });

  await step("nicknames and file names stay texts in the life of a message", async () => {
    const items = (await admin("GET", "/admin/v1/timeline?limit=500")).items.filter((it) => it.account === "desk" && it.kind === "message");
    for (const item of items) {
      await open(page, `message/${encodeURIComponent(item.eventId)}?conversation=${encodeURIComponent(item.conversationKey)}`, ".life");
      await page.getByText(item.eventId).first().waitFor();
      await clean(page);
    }
    await page.getByText(NASTY).first().waitFor();
  });

  await step("a parked event is looked at, offered again, and another one discarded", async () => {
    await says(`PARK ${NASTY}`, "oCustomer3");
    await says(`PARK ${CORPUS[0]}`, "oCustomer4");
    await until("parked events", async () => (await admin("GET", "/admin/v1/parked")).items.length === 2);
    await open(page, "aside/parked", "[data-parked]");
    await page.locator("[data-parked] summary").first().click();
    await clean(page);
    bridge.core.refuses = /nothing at all/;
    await page.locator("[data-parked]").first().locator('[data-act="retry"]').click();
    await until("it was taken", async () => (await admin("GET", "/admin/v1/parked")).items.length === 1);
    await until("one is shown", async () => (await page.locator("[data-parked]").count()) === 1);
    await page.locator("[data-parked]").first().locator('[data-act="discard"]').click();
    await page.locator('dialog [data-act="sure"]').click();
    await until("it is gone", async () => (await admin("GET", "/admin/v1/parked")).items.length === 0);
    await page.locator(".empty", { hasText: "No event is parked." }).waitFor();
  });

  await step("a body that could not be read is read again once the key is mended", async () => {
    await ask(sim, "POST", "/sim/v1/accounts", { app_id: app.app_id, encoding_aes_key: OTHER_KEY.slice(0, 43), check: false });
    await says(`sealed with another key ${NASTY}`, "oCustomer5");
    await phone(app.app_id, "oCustomer5", "text", { content: "cut", push: { tamper: "truncate" } });
    await until("quarantined", async () => (await admin("GET", "/admin/v1/quarantine")).items.length > 0);
    await open(page, "aside/quarantine", "[data-quarantined]");
    const one = page.locator("[data-quarantined]", { hasText: "shop" }).first();
    await one.locator('[data-act="retry"]').click();
    await one.locator(".refusal").waitFor();
    await clean(page);
    await open(page, "account/shop", 'input[name="encodingAesKey"]');
    await page.locator('input[name="encodingAesKey"]').fill(OTHER_KEY.slice(0, 43));
    await page.locator('[data-act="rotate"]').click();
    await page.getByText("The new values are in force").waitFor();
    await open(page, "aside/quarantine", "[data-quarantined]");
    await page.locator("[data-quarantined]", { hasText: "shop" }).first().locator('[data-act="retry"]').click();
    await until("it was read", async () => (await admin("GET", "/admin/v1/timeline?limit=500")).items.some((it) => it.summary.includes("sealed with another key")));
  });

  await step("an account is paused and resumed, and wears its pause", async () => {
    await open(page, "account/shop", '[data-act="pause"]');
    await page.locator('[data-act="pause"]').click();
    await page.locator("dialog").locator('[data-act="no"]').click();
    must(!(await admin("GET", "/admin/v1/accounts/shop")).pausedSince, "it was paused without a yes");
    await page.locator('[data-act="pause"]').click();
    await page.locator("dialog", { hasText: "shop" }).locator('[data-act="sure"]').click();
    await page.locator('[data-act="resume"]').waitFor();
    await page.locator(".badge", { hasText: "paused since" }).waitFor();
    must((await admin("GET", "/admin/v1/accounts/shop")).pausedSince, "it is not paused");
    const heard = bridge.core.heard.length;
    await says("while it is paused", "oCustomer6");
    await open(page, "accounts", '[data-account="shop"] .badge >> text=paused since');
    await open(page, "doctor", '[data-finding="paused"]');
    const paused = page.locator('[data-finding="paused"]', { hasText: "1 events wait" });
    await paused.waitFor();
    const said = await paused.textContent();
    must(/paused since [^TZ]*\d\d:\d\d:\d\d,/.test(said), `a time that is not the reader's own: ${said}`);
    must(bridge.core.heard.length === heard, "the core heard of it");
    await open(page, "account/shop", '[data-act="resume"]');
    await page.locator('[data-act="resume"]').click();
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator('[data-act="pause"]').waitFor();
    await until("it goes on", async () => bridge.core.heard.length > heard);
  });

  await step("the system before is asked, compared, and asked no more", async () => {
    const old = await serve(() => [200, "text/plain", "success"]);
    await open(page, "account/shop", 'input[name="oldUrl"]');
    const set = async (mode, url) => {
      await page.locator('#passthrough select[name="mode"]').selectOption(mode);
      if (url) await page.locator('input[name="oldUrl"]').fill(url);
      await page.locator('[data-act="pass"]').click();
    };
    await set("tee", "http://user:word@old.example/");
    await page.locator("#passthrough .refusal", { hasText: "without user and password" }).waitFor();
    await set("tee", `${old.url}/wechat`);
    await page.locator("#passthrough .line .badge", { hasText: "compared with ours" }).waitFor();
    await says(`to both ${NASTY}`, "oCustomer7");
    await until("both are compared", async () => (await admin("GET", "/admin/v1/passthrough?account=shop")).items.length === 1);
    await open(page, "accounts", "[data-account]");
    await open(page, "account/shop", '[data-compared="other"]');
    await page.locator("[data-compared]", { hasText: "WeChat got ours" }).first().waitFor();
    await clean(page);
    // Whose answer customers get is asked for once more.
    await set("answer");
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator("#passthrough .line .badge", { hasText: "what customers get" }).waitFor();
    await set("off");
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator("#passthrough .line .badge", { hasText: "not asked" }).waitFor();
    must((await admin("GET", "/admin/v1/accounts/shop/passthrough")).mode === "off", "it is asked still");
    old.close();
  });

  await step("a token is made and shown once, opens what it says, and is revoked", async () => {
    await open(page, "tokens", "[data-token]");
    await page.locator('input[name="name"]').fill(NASTY);
    await page.locator('select[name="scope"]').selectOption("core");
    await page.locator('select[name="core"]').selectOption("main");
    await page.locator('input[name="accounts"]').fill("shop, desk-*");
    await page.locator('[data-act="create"]').click();
    const text = await page.locator("#new-token").textContent();
    await clean(page);
    const made = (await admin("GET", "/admin/v1/tokens")).items.find((one) => one.name === NASTY);
    must(made && made.scope === "core" && made.core === "main" && made.accounts.join() === "shop,desk-*", JSON.stringify(made));
    must((await fetch(`${internal}/v1/accounts/shop`, { headers: { authorization: `Bearer ${text}` } })).status === 200, "it does not open anything");
    await page.locator('[data-act="forget"]').click();
    await open(page, "accounts", "[data-account]");
    await open(page, "tokens", `[data-token="${made.id}"]`);
    must(!(await page.content()).includes(text), "the text is shown again");
    await page.locator(`[data-token="${made.id}"] [data-act="revoke"]`).click();
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator(`[data-token="${made.id}"]`).waitFor({ state: "detached" });
    must((await fetch(`${internal}/v1/accounts/shop`, { headers: { authorization: `Bearer ${text}` } })).status === 401, "it opens still");
  });

  await step("the switch says that it is shared, and is turned off and on", async () => {
    await open(page, "forwarders", "#governs");
    await page.locator("#governs", { hasText: "呼叫" }).waitFor();
    for (const on of [false, true]) {
      await page.locator('[data-act="switch"]').click();
      await page.locator("dialog", { hasText: "呼叫" }).locator('[data-act="sure"]').click();
      await until("the switch", async () => (await admin("GET", "/admin/v1/forwarders")).switch.on === on);
      await page.getByText(on ? "Copies are protected." : "Copies go out plain.").first().waitFor();
    }
  });

  await step("the doctor and the audit log say what happened", async () => {
    await open(page, "doctor", "[data-level]");
    await open(page, "audit", ".act");
    for (const what of ["forwarder.switch", "account.rotate", "account.create", "account.pause", "account.resume", "account.passthrough", "token.create", "token.revoke", "parked.retry", "console.login"]) await page.locator(`[data-what="${what}"]`).first().waitFor();
    await page.locator('[data-act="verify"]').click();
    await page.locator("#proof .badge", { hasText: "as it was written" }).waitFor();
    await clean(page);
    await admin("POST", "/admin/v1/tokens", { name: NASTY, scope: "viewer" });
    await open(page, "accounts", "[data-account]");
    await open(page, "audit", ".act");
    await page.locator(".act", { hasText: NASTY }).first().waitFor();
    await clean(page);
  });

  await step("charts of the day are drawn", async () => {
    await open(page, "today", ".charts img");
    await page.waitForFunction(() => [...document.querySelectorAll(".charts img")].length === 4 && [...document.querySelectorAll(".charts img")].every((image) => image.complete && image.naturalWidth > 200));
    const drawn = await textOf(`${internal}/admin/v1/charts/callbacks?width=700`);
    must((drawn.match(/<rect/g) || []).length > 4, "no bar was drawn");
    await page.locator('[data-tile="callbacks"]').waitFor();
    await picture(page, "today");
    await open(page, "accounts", "[data-account]");
    await picture(page, "accounts");
  });

  const eye = await person({ locale: "zh-CN", width: 390, height: 844 });
  const viewer = (await admin("POST", "/admin/v1/tokens", { name: "eye", scope: "viewer" })).token;
  await step("a viewer sees everything and changes nothing, whatever the page shows", async () => {
    await logIn(eye, viewer);
    for (const [place, act] of [["accounts", "bind"], ["account/shop", "remove"], ["account/shop", "pause"], ["account/shop", "pass"], ["tokens", "create"], ["tokens", "revoke"], ["forwarders", "switch"]]) {
      await open(eye, place, place === "accounts" ? "[data-account]" : ".sheet");
      must((await eye.locator(`[data-act="${act}"]`).count()) === 0, `${place} offers ${act}`);
    }
    const refused = await eye.evaluate(async () => {
      const { csrf } = await (await fetch("/console/session")).json();
      const asked = (method, path, body) => fetch(path, { method, headers: { "x-csrf-token": csrf, "content-type": "application/json" }, body });
      return [(await asked("DELETE", "/admin/v1/accounts/shop")).status, (await asked("POST", "/admin/v1/accounts/shop/pause")).status, (await asked("POST", "/admin/v1/accounts/shop/passthrough", '{"mode":"off"}')).status, (await asked("POST", "/admin/v1/forwarders/switch", '{"on":false}')).status, (await asked("POST", "/admin/v1/tokens", '{"name":"x","scope":"operator"}')).status];
    });
    must(refused.every((status) => status === 403), `a viewer's changes: ${refused}`);
  });

  const pages = ["today", "accounts", "account/shop", "bind", "messages", "aside/parked", "aside/quarantine", "cores", "doctor", "forwarders", "tokens", "audit"];
  for (const [name, one] of [["wide", page], ["phone", eye]]) {
    for (const language of ["en", "zh"]) {
      await step(`every page fits: ${name}, ${language}`, async () => {
        if ((await one.locator("html").getAttribute("lang")).slice(0, 2) !== language) await one.locator("#language").click();
        await one.locator(`html[lang^="${language}"]`).waitFor();
        for (const place of pages) {
          await open(one, place, place === "messages" ? ".item" : "h1");
          await one.waitForFunction(() => ![...document.querySelectorAll(".empty")].some((it) => it.textContent === "…"));
          await fits(one);
          await clean(one);
          const names = await one.evaluate(() => [...document.querySelectorAll("main h1, main h2, main dt, nav a, main button")].map((it) => it.textContent));
          must(names.length > 0 && names.every((it) => it.trim()), `${place}: something has no name`);
        }
      });
    }
  }

  await step("it is usable on a phone", async () => {
    await open(eye, "messages", ".item");
    await picture(eye, "phone-messages");
    await open(eye, "accounts", "[data-account]");
    await picture(eye, "phone-accounts");
    await open(eye, "doctor", "[data-level]");
    await picture(eye, "phone-doctor");
    const small = await eye.evaluate(() => [...document.querySelectorAll("main button, main .button, nav a")].filter((it) => it.offsetHeight && it.offsetHeight < 32).length);
    must(small === 0, `${small} things are too small to tap`);
  });

  await step("another site's page changes nothing, not even one of the same host", async () => {
    const mark = await page.evaluate(async () => (await (await fetch("/console/session")).json()).name);
    must(mark, "nobody is logged in");
    const attack = `<!doctype html><body><form method="post" enctype="text/plain" target="frame" action="${internal}/admin/v1/forwarders/switch"><input name='{"on":false,"x":"' value='"}'></form><iframe name="frame"></iframe><script>
      document.forms[0].submit();
      const tries = [["POST", "/admin/v1/forwarders/switch", '{"on":false}'], ["POST", "/console/session", '{"token":"${viewer}"}'], ["POST", "/admin/v1/accounts?prune=true", '{"account":[]}']];
      Promise.all(tries.map(([method, path, body]) => fetch("${internal}" + path, { method, body, mode: "no-cors", credentials: "include", headers: { "content-type": "text/plain" } }).catch(() => 0))).then(() => fetch("${internal}/admin/v1/accounts/shop", { method: "DELETE", credentials: "include" }).catch(() => 0)).then(() => (document.title = "done"));
    </script></body>`;
    for (const host of ["127.0.0.1", "localhost"]) {
      const site = await serve(() => [200, "text/html", attack], host);
      const evil = await page.context().newPage();
      await evil.goto(site.url);
      await evil.waitForFunction(() => document.title === "done");
      await evil.close();
      site.close();
    }
    must((await admin("GET", "/admin/v1/forwarders")).switch.on === true, "the switch was turned");
    must((await admin("GET", "/admin/v1/accounts")).items.length === 2, "an account was removed");
    await page.reload();
    await page.locator("#who", { hasText: "operator" }).waitFor();
  });

  await step("an account is removed only by who types its name", async () => {
    await open(page, "account/desk", '[data-act="remove"]');
    await page.locator("#language").click();
    await page.locator('[data-act="remove"]').click();
    must(await page.locator('dialog [data-act="sure"]').isDisabled(), "nothing had to be typed");
    await page.locator("dialog input").fill("desk");
    await page.locator('dialog [data-act="sure"]').click();
    await until("removed", async () => (await admin("GET", "/admin/v1/accounts")).items.length === 1);
  });

  await step("who guesses tokens is slowed down and told for how long", async () => {
    const guess = await person();
    await guess.goto(`${internal}/`);
    for (let at = 0; at < 30; at += 1) {
      await guess.locator("#token").fill(`wxb_guess${at}`);
      await guess.locator('[data-act="login"]').click();
      await guess.locator(".refusal").waitFor();
      if (await guess.locator(".refusal", { hasText: "Try again in" }).count()) break;
      must(at < 29, "30 guesses and no brake");
      await guess.locator("#language").click();
      await guess.locator("#language").click();
    }
  });

  await step("who logs out is out", async () => {
    await page.locator("#logout").click();
    await page.locator("#token").waitFor();
    const status = await page.evaluate(async () => (await fetch("/admin/v1/accounts")).status);
    must(status === 401, `still in: ${status}`);
  });
}, "the console works");

async function lookFor(page, text) {
  await page.evaluate(() => (location.hash = "#/messages"));
  await page.locator('input[name="q"]').fill(text);
  await page.locator('[data-act="search"]').click();
  await page.locator("#found .hit").first().waitFor();
}

async function textOf(url) {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${bridge.token}` } });
  return answer.text();
}
