// Serves @llmops/gateway, which brings an application and no server.
import { serve } from "@hono/node-server";
import gateway from "@llmops/gateway";

serve({ fetch: gateway.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
