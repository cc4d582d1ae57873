// How does an operator come in? With an API token, which is given for a session and kept nowhere.
import { logIn } from "../api.js";
import { el, fill } from "../dom.js";
import { t } from "../say.js";
import { field, run } from "../ui.js";

export function login(entered) {
  const token = el("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true, autofocus: true });
  const go = el("button", { type: "submit", data: { tone: "good", act: "login" } }, t("login.go"));
  const place = el("div");
  const submit = async (event) => {
    event.preventDefault();
    await run(
      go,
      async () => {
        const session = await logIn(token.value.trim());
        fill(place);
        entered(session);
      },
      place,
    );
    token.value = "";
  };
  const form = el("form", { class: "sheet login", on: { submit } }, el("h1", {}, t("login.title")), el("p", { class: "soft" }, t("login.lead")), field(t("login.token"), token, t("login.hint")), place, go);
  return form;
}
