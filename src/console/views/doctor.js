// Is everything well, and if not, what is the one thing to do?
import { get } from "../api.js";
import { el } from "../dom.js";
import { t } from "../say.js";
import { button, heading, within } from "../ui.js";
import { findings } from "./findings.js";

export async function doctor({ main, signal }) {
  const list = el("div", { class: "stack", id: "findings" });
  const look = () => within(list, async () => findings((await get("/admin/v1/doctor", signal)).items));
  main.append(heading(t("menu.doctor"), t("doctor.lead"), button(t("doctor.again"), look, { name: "doctor" })), list);
  await look();
}
