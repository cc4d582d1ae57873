// Who is simulated, and what do they do? The phones alone, for people who develop a core or another bridge.
import { Phone, ask, h, path } from "/phone.js";

const WORDS = {
  en: {
    lead: "The simulated WeChat platform: point a bridge's api_base here, and its callbacks come from here.",
    account: "Account", customer: "Customer", make: "New account", mode: "Mode", save: "Check URL and save",
    deeds: "The customer …", last: "The last push", none: "no account yet", saved: "saved", language: "中文",
    photo: "sends a photo", voice: "sends a voice", video: "sends a video", place: "sends a location", link: "sends a link",
    scan: "scans a QR code", click: "clicks the menu", fresh: "+ a new customer",
  },
  zh: {
    lead: "模拟的微信平台：把网桥的 api_base 指到这里，回调也从这里发出。",
    account: "账号", customer: "用户", make: "新建公众号", mode: "加解密方式", save: "验证 URL 并保存",
    deeds: "用户 …", last: "最近一次推送", none: "还没有公众号", saved: "已保存", language: "English",
    photo: "发图片", voice: "发语音", video: "发视频", place: "发位置", link: "发链接",
    scan: "扫码", click: "点击菜单", fresh: "+ 新用户",
  },
};
const at = (id) => document.getElementById(id);
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let phone = null;

function speak() {
  const words = WORDS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  at("lead").textContent = words.lead;
  at("language").textContent = words.language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  const deeds = { photo: ["image", {}], voice: ["voice", {}], video: ["video", {}], place: ["location", {}], link: ["link", {}], scan: ["scan", { scene: "store-17" }], click: ["click", { key: "HELP" }] };
  at("deeds").replaceChildren(...Object.entries(deeds).map(([name, [action, body]]) =>
    h("button", { type: "button", on: { click: () => phone && phone.act(action, body) } }, words[name])));
  if (phone) phone.speak(language);
}

function pick(account, openid) {
  if (phone) phone.stopped = true;
  const fresh = h("div", { id: "phone" });
  at("phone").replaceWith(fresh);
  phone = new Phone(fresh, { account: account.key, channel: account.channel, openid, name: account.name, language });
  const tell = (event) => (at("outcome").textContent = JSON.stringify(event.detail.outcome || event.detail, null, 2));
  phone.addEventListener("outcome", tell);
  phone.addEventListener("failure", tell);
  phone.start();
}

/** Everything that customers can write to; of a 微信客服 console the accounts behind it. */
function mouths(account) {
  const own = { ...account, key: account.app_id || account.id };
  const desks = (account.desks || []).map((desk) => ({ ...desk, channel: "wechat_kf", key: desk.open_kfid }));
  return account.channel === "wechat_kf" ? desks : [own, ...desks];
}

async function show(wanted) {
  const accounts = (await ask(path("accounts"))).items.flatMap(mouths);
  const account = accounts.find((one) => one.key === wanted) || accounts[0];
  at("account").replaceChildren(...accounts.map((one) => h("option", { value: one.key, selected: one === account }, `${one.name} (${one.key})`)));
  if (!account) {
    at("account").append(h("option", {}, WORDS[language].none));
    return;
  }
  at("settings").textContent = Object.entries(account)
    .filter(([, value]) => typeof value !== "object")
    .map(([name, value]) => `${name} = ${value}`)
    .join("\n");
  const all = (await ask(path("customers"))).items.filter((one) => one.account === account.key);
  const openids = all.length ? all.map((one) => one.openid) : [(await ask(path("customers"), { account: account.key })).openid];
  at("customer").replaceChildren(
    ...openids.map((openid) => h("option", { value: openid }, openid)),
    h("option", { value: "" }, WORDS[language].fresh));
  pick(account, openids[0]);
}

at("language").addEventListener("click", () => {
  language = language === "en" ? "zh" : "en";
  speak();
});
at("account").addEventListener("change", (event) => show(event.target.value));
at("customer").addEventListener("change", async (event) => {
  const key = at("account").value;
  const account = { channel: "wechat_kf", ...(await ask(path("accounts", key))), key };
  let openid = event.target.value;
  if (!openid) {
    openid = (await ask(path("customers"), { account: account.key })).openid;
    event.target.prepend(h("option", { value: openid, selected: true }, openid));
  }
  pick(account, openid);
});
at("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const filled = [...new FormData(event.target)].filter(([, value]) => value !== "");
  try {
    const saved = await ask(path("accounts"), Object.fromEntries(filled));
    at("said").textContent = `${WORDS[language].saved}: ${saved.app_id}`;
    await show(saved.app_id);
  } catch (error) {
    at("said").textContent = error.message;
  }
});
speak();
show();
