// Which values does an account of each channel have, as its console shows them?
import { el } from "../dom.js";

/** Field → whether it must be filled in. */
export const FIELDS = {
  official_account: { app_id: true, app_secret: true, token: true, encoding_aes_key: true, original_id: false },
  mini_program: { app_id: true, app_secret: true, token: true, encoding_aes_key: true, original_id: false },
  wecom_app: { corp_id: true, agent_id: true, secret: true, token: true, encoding_aes_key: true },
  open_platform: { app_id: true, app_secret: true, token: true, encoding_aes_key: true },
  wechat_kf: { corp_id: true, secret: true, token: true, encoding_aes_key: true, open_kfids: false },
};
/** Customer service whose callback and Secret are an application's. */
export const SERVED = { open_kfids: false };
export const SECRET = ["app_secret", "secret", "token", "encoding_aes_key"];
const LISTS = ["open_kfids"];

export const input = (name, required, pattern, more = {}) => el("input", { name, required, pattern, type: SECRET.includes(name) ? "password" : "text", autocomplete: "off", spellcheck: "false", ...more });

/** What was typed, as the API takes it; null where the field is empty. */
export function valueOf(name, typed) {
  const text = typed.trim();
  if (!text) return null;
  return LISTS.includes(name) ? text.split(/[\s,，]+/) : text;
}
