// A bridge, a simulated WeChat and a small core, started for a test, each a process or a server of its own.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const LIMIT = 20000;

/** Asks until `look` returns something. */
export async function until(what, look, limit = LIMIT) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await look().catch(() => null);
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Free ports, all held until the last was found. */
async function ports(count) {
  const held = [];
  for (let at = 0; at < count; at += 1) {
    const one = net.createServer();
    await new Promise((resolve) => one.listen(0, "127.0.0.1", resolve));
    held.push(one);
  }
  const found = held.map((one) => one.address().port);
  await Promise.all(held.map((one) => new Promise((resolve) => one.close(resolve))));
  return found;
}

/** Serves on a free port of `host`; `answer(request, body)` gives [status, type, body], at once or later. `close` ends it, `again` opens it where it was. */
export async function serve(answer, host = "127.0.0.1") {
  const server = http.createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", async () => {
      const [status, type, body] = await answer(request, Buffer.concat(pieces).toString());
      response.writeHead(status, { "content-type": type });
      response.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, host, resolve));
  const { port } = server.address();
  const close = () => (server.close(), server.closeAllConnections());
  const again = () => new Promise((resolve) => server.listen(port, host, resolve));
  return { url: `http://${host}:${port}`, close, again };
}

/** Everything a console can show. `core.refuses` says which texts it never takes, `core.late` after how many milliseconds it answers; `core.goes` and `core.returns` close and open it. `again` ends the bridge and starts it where it was. `ann@example.com` is an operator by a proxy's word. */
export async function start(binary) {
  const dir = await mkdtemp(path.join(os.tmpdir(), "wxbridge-console-"));
  const [publicPort, internalPort, grpcPort, healthPort, simPort] = await ports(5);
  const core = { refuses: /PARK/, late: 0, heard: [] };
  const coreServer = await serve(async (_, body) => {
    const event = JSON.parse(body).data;
    core.heard.push(event);
    if (core.late) await new Promise((resolve) => setTimeout(resolve, core.late));
    const text = event.message?.summary || "";
    if (core.refuses.test(text)) return [422, "text/plain", "refused"];
    const replies = event.message ? [{ text: `收到：${text.slice(0, 200)}` }] : [];
    return [200, "application/json", JSON.stringify({ replies })];
  });
  Object.assign(core, { goes: coreServer.close, returns: coreServer.again });
  const copies = await serve(() => [200, "text/plain", "ok"]);
  const url = { public: `http://127.0.0.1:${publicPort}`, internal: `http://127.0.0.1:${internalPort}`, sim: `http://127.0.0.1:${simPort}` };
  const config = path.join(dir, "wxbridge.toml");
  await writeFile(
    config,
    `[public]\nlisten = "127.0.0.1:${publicPort}"\nurls = ["${url.public}"]\n[internal]\nlisten = "127.0.0.1:${internalPort}"\n` +
      `trusted_user_header = "X-Forwarded-User"\ntrusted_proxies = ["127.0.0.1"]\ntrusted_operators = ["ann@example.com"]\n` +
      `[grpc]\nlisten = "127.0.0.1:${grpcPort}"\n[health]\nlisten = "127.0.0.1:${healthPort}"\n[store]\ndir = "${dir}/data"\nreserve = "64MiB"\n` +
      `[egress]\nallow = ["127.0.0.0/8"]\n[platform]\nweixin_pages = "${url.sim}"\n` +
      `[[core]]\nname = "main"\nurl = "${coreServer.url}/events"\nsecrets = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]\n` +
      `[[forwarder]]\nname = "archive"\nurl = "${copies.url}/records"\ntypes = ["conversation", "msg"]\nkey = "a shared key"\n`,
  );
  const run = (...words) => spawn(binary, words, { stdio: ["ignore", "ignore", "inherit"] });
  const processes = [run("sim", "--listen", `127.0.0.1:${simPort}`), run("serve", "-c", config)];
  const ready = () => until("the bridge", async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok);
  const again = async () => {
    const ended = new Promise((resolve) => processes[1].once("exit", resolve));
    processes[1].kill("SIGTERM");
    await ended;
    processes[1] = run("serve", "-c", config);
    await ready();
  };
  const stop = async () => {
    for (const one of processes) one.kill("SIGKILL");
    coreServer.close();
    copies.close();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await until("the simulator", async () => (await fetch(`${url.sim}/sim/v1/accounts`)).ok);
    const token = (await until("the bridge", async () => readFile(path.join(dir, "data/operator.token"), "utf8"))).trim();
    await ready();
    return { url, core, token, stop, again };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks the bridge's API with a token, or the simulator without one. */
export async function ask(base, method, place, body, token) {
  const answer = await fetch(`${base}${place}`, { method, headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) }, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${place}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}
