#!/usr/bin/env node
// The smallest core, as core.py: checks that an event is from the bridge, and says back what the customer wrote.
//   CORE_SECRET=whsec_… node examples/core.mjs     Node 18 or newer; HOST and PORT: where it listens, 127.0.0.1:8000
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.CORE_SECRET.replace(/^whsec_/, ""), "base64");

/** Standard Webhooks: one of the signatures is ours, and at most five minutes old. */
function genuine(headers, body) {
  const { "webhook-id": event = "", "webhook-timestamp": sent = "", "webhook-signature": signatures = "" } = headers;
  if (!/^\d{1,12}$/.test(sent) || Math.abs(Date.now() / 1000 - Number(sent)) > 300) return false;
  const right = createHmac("sha256", key).update(`${event}.${sent}.`).update(body).digest();
  return signatures.split(" ").some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return one.startsWith("v1,") && given.length === right.length && timingSafeEqual(given, right);
  });
}

/** What is no text is taken without a reply. More replies, pictures, cards: proto/wxbridge/v1/wxbridge.proto. */
function answer(event) {
  const texts = (event.message?.parts ?? []).filter((part) => part.text).map((part) => part.text.body);
  return { replies: texts.map((text) => ({ text: `You said: ${text}` })) };
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!genuine(request.headers, body)) return response.writeHead(401).end();
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer(JSON.parse(body).data)));
});

server.listen(Number(process.env.PORT ?? 8000), process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`core on http://${address}:${port}/`);
});
