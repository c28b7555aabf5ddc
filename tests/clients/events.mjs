// Sends events with OpenTelemetry's exporter and with the CloudEvents SDK, as an application does. What stands between is a
// proxy that loses the first answer of each path, so that the exporter sends again what is already stored.
import { createServer, request as call } from "node:http";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { CloudEvent, HTTP, emitterFor } from "cloudevents";

const [gateway, key] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };
const seen = { lost: 0, answers: [] };

// 1. The proxy.
const known = new Set();
const proxy = createServer((incoming, answer) => {
  const forward = call(new URL(incoming.url, gateway), { method: incoming.method, headers: { ...incoming.headers, host: new URL(gateway).host } }, (from) => {
    const parts = [];
    from.on("data", (part) => parts.push(part));
    from.on("end", () => {
      const body = Buffer.concat(parts).toString();
      seen.answers.push({ path: incoming.url, status: from.statusCode, body });
      if (!known.has(incoming.url)) {
        known.add(incoming.url);
        seen.lost++;
        answer.writeHead(503, { "retry-after": "0" }).end();
        return;
      }
      answer.writeHead(from.statusCode, from.headers).end(body);
    });
  });
  incoming.pipe(forward);
});
await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
const through = `http://127.0.0.1:${proxy.address().port}`;

// 2. OpenTelemetry: the address as the environment has it, to which the exporter puts its own path.
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `${through}/api/v1/otlp`;
const provider = new LoggerProvider({
  resource: resourceFromAttributes({ "service.name": "shop", "service.version": "1.2" }),
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ headers }), scheduledDelayMillis: 60_000 })],
});
const logger = provider.getLogger("checkout", "0.9");
logger.emit({
  eventName: "order.cancelled",
  severityNumber: SeverityNumber.INFO,
  severityText: "INFO",
  body: "Ada cancelled an order",
  attributes: {
    "user.id": "u-17", "user.name": "Ada", "user.email": "ada@example.com", "user.roles": ["admin", "buyer"], "client.address": "192.0.2.7", "user_agent.original": "curl/8",
    "cairn.resource": "Order", "cairn.resourceId": "o-3", "cairn.outcome": "denied", reason: { code: 7, tags: ["late", "broken"], exact: 0.5, gift: false },
  },
});
logger.emit({ eventName: "order.cancelled", attributes: { "user.id": "u-17" } });
logger.emit({ body: "an ordinary line of a log" });
await provider.forceFlush();
await provider.shutdown();

// 3. CloudEvents: structured, binary, and a batch; each again, as after a lost answer.
const event = new CloudEvent({ id: "e-1", source: "/shop", type: "order.paid", subject: "Order/o-3", time: "2026-03-10T11:00:00.000Z", tenant: "blue", data: { actorId: "u-17", outcome: "success", total: 12.5 } });
const binary = new CloudEvent({ id: "e-2", source: "/shop", type: "order.noted", subject: "Note/7% late", datacontenttype: "text/plain", data: "it is late" });
const batch = [1, 2].map((n) => new CloudEvent({ id: `b-${n}`, source: "/shop", type: "order.shipped", data: { resource: "Order", resourceId: `o-${n}` } }));
const target = `${gateway}/api/v1/events`;
seen.cloudEvents = [];
for (let times = 0; times < 2; times++) {
  for (const message of [HTTP.structured(event), HTTP.binary(binary)]) {
    const answer = await fetch(target, { method: "POST", headers: { ...headers, ...message.headers }, body: message.body });
    seen.cloudEvents.push(await answer.json());
  }
  const answer = await fetch(target, { method: "POST", headers: { ...headers, "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(batch) });
  seen.cloudEvents.push(await answer.json());
}
const emit = emitterFor((message) => fetch(target, { method: "POST", headers: { ...headers, ...message.headers }, body: message.body }));
seen.emitted = (await emit(event)).status;

console.log(JSON.stringify(seen));
proxy.close();
proxy.closeAllConnections();
