// Calls models through the gateway with the official clients, and prints what they understood: one JSON object.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [gateway, key] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: gateway, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
const chatTools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const messageTools = [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];

async function failure(call) {
  try {
    await call();
    return "no error";
  } catch (error) {
    return { status: error.status, kind: error.constructor.name, code: error.code ?? null, type: error.error?.error?.type ?? error.type ?? null, requestID: /^[a-z]+-[0-9a-f]{24}$/.test(error.headers?.get("x-request-id") ?? "") };
  }
}

const seen = {};

let chat = await openai.chat.completions.create({ model: "llama-3", messages });
seen.chat = [chat.choices[0].message.content, chat.usage.total_tokens];

seen.chatStream = "";
seen.chatStreamUsage = false;
for await (const chunk of await openai.chat.completions.create({ model: "llama-3", messages, stream: true })) {
  seen.chatStream += chunk.choices[0].delta.content ?? "";
  seen.chatStreamUsage ||= chunk.usage != null;
}

for await (const chunk of await openai.chat.completions.create({ model: "llama-3", messages, stream: true, stream_options: { include_usage: true } })) {
  if (chunk.usage) seen.chatStreamAskedUsage = chunk.usage.total_tokens;
}

chat = await openai.chat.completions.create({ model: "llama-3", messages, tools: chatTools });
seen.chatTool = chat.choices[0].message.tool_calls[0].function;

const runner = openai.chat.completions.stream({ model: "llama-3", messages, tools: chatTools });
seen.chatToolStream = (await runner.finalChatCompletion()).choices[0].message.tool_calls[0].function.arguments;

seen.completion = (await openai.completions.create({ model: "llama-3", prompt: "hello" })).choices[0].text;
seen.embedding = (await openai.embeddings.create({ model: "embed-small", input: "hello", encoding_format: "float" })).data[0].embedding;

seen.response = (await openai.responses.create({ model: "gpt-5-mini", input: "hello" })).output_text;
for await (const event of await openai.responses.create({ model: "gpt-5-mini", input: "hello", stream: true })) {
  if (event.type === "response.completed") seen.responseStream = event.response.usage.total_tokens;
}

seen.models = [];
for await (const model of openai.models.list()) seen.models.push(model.id);

let message = await anthropic.messages.create({ model: "claude-sonnet-4-5", max_tokens: 9, messages });
seen.message = [message.content[0].text, message.usage.output_tokens];

message = await anthropic.messages.stream({ model: "claude-sonnet-4-5", max_tokens: 9, messages }).finalMessage();
seen.messageStream = [message.content[0].text, message.usage.output_tokens, message.stop_reason];

message = await anthropic.messages.create({ model: "claude-sonnet-4-5", max_tokens: 9, messages, tools: messageTools });
seen.messageTool = message.content[0].input;
message = await anthropic.messages.stream({ model: "claude-sonnet-4-5", max_tokens: 9, messages, tools: messageTools }).finalMessage();
seen.messageToolStream = message.content[0].input;

seen.anthropicModels = [];
for await (const model of anthropic.models.list()) seen.anthropicModels.push(model.id);

seen.noRoute = await failure(() => openai.chat.completions.create({ model: "nowhere", messages }));
seen.noRouteAnthropic = await failure(() => anthropic.messages.create({ model: "nowhere", max_tokens: 9, messages }));
seen.noKey = await failure(() => new OpenAI({ baseURL: `${gateway}/v1`, apiKey: "crn_wrong", maxRetries: 0 }).chat.completions.create({ model: "llama-3", messages }));
seen.noKeyAnthropic = await failure(() => new Anthropic({ baseURL: gateway, apiKey: "crn_wrong", maxRetries: 0 }).messages.create({ model: "llama-3", max_tokens: 9, messages }));

console.log(JSON.stringify(seen));
