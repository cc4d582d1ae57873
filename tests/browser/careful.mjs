// Does the console lose, replace or claim nothing on the quiet: accounts, sessions, work that is half done, what it cannot know?
// Takes WXBRIDGE_BIN.
import { until } from "./bridge.mjs";
import { admin, bridge, internal, logIn, must, open, outside, person, sim, simulated, step, tell } from "./stage.mjs";

const APP = { app_id: "wx1234567890abcdef", app_secret: "0123456789abcdef0123456789abcdef", token: "simtoken", encoding_aes_key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG" };
const ORIGINAL = "gh_a1b2c3d4e5f6";
const says = (openid, content) => simulated("POST", `/sim/v1/phones/${APP.app_id}/${openid}/text`, { content, push: { wait: false } });
const all = async () => (await admin("GET", "/admin/v1/accounts")).items.map(({ account }) => `${account.id} ${account.channel}`).join();
const settled = (page) => page.waitForFunction(() => ![...document.querySelectorAll(".empty")].some((it) => it.textContent === "…"));

async function entered(page, channel, values) {
  await open(page, "accounts", "h1");
  await open(page, "bind", "form");
  await page.locator('select[name="channel"]').selectOption(channel);
  await page.locator("form details summary").click();
  for (const [name, value] of Object.entries({ api_base: sim, ...values })) await page.locator(`input[name="${name}"]`).fill(value);
}

const changes = (page, path) => page.evaluate(async (place) => {
  const { csrf } = await (await fetch("/console/session")).json();
  return (await fetch(place, { method: "POST", headers: { "x-csrf-token": csrf } })).status;
}, path);

await tell(async () => {
  const page = await person();
  const { app_secret: secret, ...values } = APP;
  await simulated("POST", "/sim/v1/accounts", { ...values, secret, original_id: ORIGINAL });
  const shop = { id: "shop", channel: "official_account", ...APP, original_id: ORIGINAL, api_base: sim, limits: { text_bytes: 1024 } };
  await admin("POST", "/admin/v1/accounts", { account: [shop] });
  await simulated("POST", "/sim/v1/accounts", { app_id: APP.app_id, callback_url: `${outside}/callback/shop` });
  await logIn(page, bridge.token);

  // ───────────── what stands there is not replaced unasked ─────────────

  await step("an id that another channel has is refused before anything is sent", async () => {
    await entered(page, "mini_program", { id: "shop", ...APP, app_id: "wxother567890abcde" });
    await page.locator('[data-act="apply"]').click();
    await page.locator(".refusal", { hasText: "shop is an account already: Official account" }).waitFor();
    must((await all()) === "shop official_account", await all());
  });

  await step("an account of the same channel is changed by who types its id alone; what the form does not show stays", async () => {
    await admin("POST", "/admin/v1/accounts/shop/passthrough", { mode: "tee", url: "http://127.0.0.1:9/old" });
    await entered(page, "official_account", { id: "shop", ...APP, token: "another" });
    await page.locator('[data-act="apply"]').click();
    await page.locator("dialog", { hasText: "what this form does not show" }).locator('[data-act="no"]').click();
    await page.locator("dialog").waitFor({ state: "detached" });
    const changed = async () => (await admin("GET", "/admin/v1/audit?limit=100")).items.some((it) => it.what === "account.update");
    must(!(await changed()), "it was changed without a yes");
    await page.locator('[data-act="apply"]').click();
    must(await page.locator('dialog [data-act="sure"]').isDisabled(), "nothing had to be typed");
    await page.locator("dialog input").fill("shop");
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator('.view[data-view="account"] .facts').first().waitFor();
    await until("it is changed", changed);
    const { mode, url } = await admin("GET", "/admin/v1/accounts/shop/passthrough");
    must(mode === "tee" && url.endsWith("/old"), `the system before is ${mode} ${url}`);
    const settings = await admin("GET", "/admin/v1/accounts/shop/settings");
    must(settings.limits?.text_bytes === 1024 && settings.original_id === ORIGINAL, JSON.stringify(settings));
    await admin("POST", "/admin/v1/accounts/shop/passthrough", { mode: "off" });
    await admin("POST", "/admin/v1/accounts", { account: [shop] });
  });

  await step("one value is corrected where the account is shown; the others are not said again", async () => {
    await admin("PATCH", "/admin/v1/accounts/shop", { app_secret: "mistyped0mistyped0mistyped0misty", original_id: "gh_000000000000" });
    await open(page, "account/shop", "#settings .facts");
    await page.locator("#settings details summary").click();
    must((await page.locator('#settings input[name="app_secret"]').inputValue()) === "", "the secret is shown");
    must(await page.locator('#settings input[name="token"]').isHidden(), "what is rotated stands among them");
    await page.locator('#settings input[name="app_secret"]').fill(APP.app_secret);
    await page.locator('#settings input[name="original_id"]').fill("");
    await page.locator('[data-act="save"]').click();
    await until("it is corrected", async () => !("original_id" in (await admin("GET", "/admin/v1/accounts/shop/settings"))));
    const { items } = await admin("GET", "/admin/v1/doctor?account=shop");
    must(items.find((it) => it.id === "token").level === "green", JSON.stringify(items));
    const { limits, token } = await admin("GET", "/admin/v1/accounts/shop/settings");
    must(limits.text_bytes === 1024 && token.startsWith("****"), JSON.stringify({ limits, token }));
    await admin("POST", "/admin/v1/accounts", { account: [shop] });
  });

  await step("customer service is bound by the application that has its callback", async () => {
    const app = { id: "app", channel: "wecom_app", corp_id: "ww1234567890abcdef", agent_id: "1000002", secret: "s", token: "apptoken", encoding_aes_key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", api_base: sim };
    await admin("POST", "/admin/v1/accounts", { account: [app] });
    await entered(page, "wechat_kf", { id: "kf" });
    await page.locator('input[name="secret"]').waitFor();
    await page.locator('select[name="via"]').selectOption("app");
    await page.locator('input[name="secret"]').waitFor({ state: "detached" });
    await page.locator('input[name="open_kfids"]').fill("wkOne");
    await page.locator('[data-act="apply"]').click();
    await page.locator('.view[data-view="account"] .facts').first().waitFor();
    const { via, corp_id, open_kfids } = await admin("GET", "/admin/v1/accounts/kf/settings");
    must(via === "app" && corp_id === app.corp_id && open_kfids[0] === "wkOne", JSON.stringify({ via, corp_id, open_kfids }));
    await open(page, "account/kf", "#settings details summary");
    await page.locator("#settings details summary").click();
    await page.locator('#settings input[name="open_kfids"]').fill("wkOne wkTwo");
    await page.locator('#settings [data-act="save"]').click();
    await page.locator("#toast", { hasText: "kf is saved." }).waitFor();
    const after = await admin("GET", "/admin/v1/accounts/kf/settings");
    must(after.open_kfids.join() === "wkOne,wkTwo" && after.via === "app", JSON.stringify(after));
    for (const id of ["kf", "app"]) await admin("DELETE", `/admin/v1/accounts/${id}`);
  });

  await step("what is half entered is not lost with the language", async () => {
    await entered(page, "official_account", { id: "next" });
    await page.locator("#language").click();
    await page.locator('dialog [data-act="no"]').click();
    must((await page.locator('input[name="id"]').inputValue()) === "next", "the form is empty");
    await open(page, "accounts", "[data-account]");
    await page.locator("#language").click();
    await page.locator('html[lang^="zh"]').waitFor();
    await page.locator("#language").click();
  });

  await step("nor with a slip in the menu", async () => {
    const elsewhere = page.locator('#nav a[href="#/messages"]');
    await entered(page, "official_account", { id: "next" });
    await elsewhere.click();
    await page.locator('dialog [data-act="no"]').click();
    must((await page.locator('input[name="id"]').inputValue()) === "next", "the form is empty");
    await elsewhere.click();
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator('.view[data-view="messages"]').waitFor();
    // Where nothing was begun nobody is asked.
    await page.locator('#nav a[href="#/accounts"]').click();
    await page.locator('.view[data-view="accounts"]').waitFor();
  });

  await step("a question goes with the page that asked it", async () => {
    await open(page, "accounts", "[data-account]");
    await open(page, "account/shop", '[data-act="pause"]');
    await page.locator('[data-act="pause"]').click();
    await page.locator("dialog").waitFor();
    await page.goBack();
    await page.locator('.view[data-view="accounts"]').waitFor();
    await page.locator("dialog").waitFor({ state: "detached" });
    must(!(await admin("GET", "/admin/v1/accounts/shop")).pausedSince, "it was paused");
  });

  // ───────────── whose session it is ─────────────

  await step("a login in a second tab leaves the first one able to change things", async () => {
    await open(page, "account/shop", '[data-act="pause"]');
    const second = await page.context().newPage();
    await logIn(second, bridge.token).catch(() => null);
    await second.evaluate((token) => fetch("/console/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) }), bridge.token);
    await page.locator('[data-act="pause"]').click();
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator('[data-act="resume"]').waitFor();
    await admin("POST", "/admin/v1/accounts/shop/resume");
    await second.close();
  });

  await step("somebody else's login in a second tab is shown, and the change is not made", async () => {
    const viewer = (await admin("POST", "/admin/v1/tokens", { name: "eye", scope: "viewer" })).token;
    await open(page, "accounts", "[data-account]");
    await open(page, "account/shop", '[data-act="pause"]');
    const logsIn = (token) => page.evaluate((text) => fetch("/console/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token: text }) }), token);
    await logsIn(viewer);
    await page.locator('[data-act="pause"]').click();
    await page.locator('dialog [data-act="sure"]').click();
    await page.locator("#who", { hasText: "eye" }).waitFor();
    await page.locator("#notice", { hasText: "was not done" }).waitFor();
    must(!(await admin("GET", "/admin/v1/accounts/shop")).pausedSince, "it was paused");
    await open(page, "bind", "h1");
    must((await page.locator("form").count()) === 0, "a viewer is offered the form");
    await logsIn(bridge.token);
    await page.reload();
    await page.locator("#who", { hasText: "operator" }).waitFor();
  });

  await step("a logout that does not reach the bridge is told, and the page stays", async () => {
    await page.context().setOffline(true);
    await page.locator("#logout").click();
    await page.locator("#notice", { hasText: "You are still logged in" }).waitFor();
    await page.context().setOffline(false);
    must((await page.locator("#token").count()) === 0, "the login form is shown");
    const second = await page.context().newPage();
    await second.goto(`${internal}/`);
    await second.evaluate((token) => fetch("/console/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) }), bridge.token);
    await second.close();
    await page.locator("#logout").click();
    await page.locator("#token").waitFor();
    const status = await page.evaluate(async () => (await fetch("/admin/v1/accounts")).status);
    must(status === 401, `still in: ${status}`);
  });

  // ───────────── what is known, and what is not ─────────────

  await step("a paused account's event is said to wait for it, in the list and in its life", async () => {
    await logIn(page, bridge.token);
    await admin("POST", "/admin/v1/accounts/shop/pause");
    await says("oPaused", "hört jemand?");
    await open(page, "messages", '.item .badge >> text="waits: its account is paused"');
    await page.locator(".item", { hasText: "hört jemand?" }).locator("a", { hasText: "Whole life" }).click();
    await page.locator(".life", { hasText: "its account is paused" }).waitFor();
    must((await page.getByText("no core is configured").count()) === 0, "a core is missed");
    await admin("POST", "/admin/v1/accounts/shop/resume");
    await until("it is taken", async () => bridge.core.heard.some((it) => it.message?.summary === "hört jemand?"));
  });

  await step("the live list stays in the order of time, and full of the newest, when older ones change", async () => {
    await open(page, "messages", ".item");
    bridge.core.goes();
    for (let at = 0; at < 230; at += 1) await says(`oMany${at % 40}`, `n${String(at).padStart(3, "0")}`);
    const shown = () => page.locator(".item .summary").allInnerTexts();
    await until("the newest is shown", async () => (await shown()).includes("n229"), 60000);
    await bridge.core.returns();
    await until("all are taken", async () => (await admin("GET", "/admin/v1/cores")).items[0].backlogEvents === 0, 120000);
    await until("the list says so", async () => (await page.locator(".item", { hasText: "n229" }).locator(".badge", { hasText: "taken" }).count()) > 0);
    const rows = () => page.locator(".item").evaluateAll((all) => all.map((it) => it.dataset.row).join());
    const newest = async () => (await admin("GET", "/admin/v1/timeline?limit=200")).items.map((it) => it.row).reverse().join();
    // What became of the answers comes in as events of its own for a while.
    await until("the list is the newest two hundred in their order", async () => (await rows()) === (await newest()), 30000);
  });

  await step("after a restart nothing is said to wait that was taken long ago", async () => {
    await bridge.again();
    await page.goto(`${internal}/#/messages`);
    await page.reload();
    await logIn(page, bridge.token);
    await open(page, "messages", ".item");
    await settled(page);
    const words = await page.locator(".item .badges").allInnerTexts();
    must(words.length > 100 && !words.some((it) => it.includes("waiting")), words.find((it) => it.includes("waiting")));
  });

  await step("whom the proxy names stays in over a restart, and works on", async () => {
    const ann = await person({ headers: { "X-Forwarded-User": "ann@example.com" } });
    await ann.goto(`${internal}/#/account/shop`);
    await ann.locator('[data-act="pause"]').waitFor();
    await bridge.again();
    await ann.locator('[data-act="pause"]').click();
    await ann.locator('dialog [data-act="sure"]').click();
    await ann.locator('[data-act="resume"]').waitFor();
    must((await ann.locator("#token").count()) === 0, "a token is asked for");
    await bridge.again();
    await open(ann, "accounts", "[data-account]");
    must((await changes(ann, "/admin/v1/accounts/shop/resume")) === 200, "the new session does not count");
  });
}, "the console is careful");
