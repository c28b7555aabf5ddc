// Holds documents, one on each line of standard input, against the Elastic Common Schema as its package has it. What is below "cairn" is ours.
import { createInterface } from "node:readline";
import { isIP } from "node:net";
import ecs from "@elastic/ecs";

const fields = ecs.EcsFlat;
const faults = [];
let documents = 0;

function fits(value, type) {
  switch (type) {
    case "long":
    case "integer":
      return Number.isInteger(value);
    case "date":
      return typeof value === "string" && !Number.isNaN(Date.parse(value));
    case "ip":
      return isIP(value) !== 0;
    case "boolean":
      return typeof value === "boolean";
    case "keyword":
    case "wildcard":
    case "match_only_text":
    case "constant_keyword":
      return typeof value === "string";
    default:
      return false;
  }
}

function look(value, path) {
  const field = fields[path];
  if (!field) {
    if (typeof value !== "object" || Array.isArray(value)) return faults.push(`${path} is not a field`);
    return Object.entries(value).forEach(([name, inner]) => look(inner, path ? `${path}.${name}` : name));
  }
  const isList = field.normalize.includes("array");
  if (Array.isArray(value) !== isList) return faults.push(`${path} is ${isList ? "not" : ""} a list`);
  for (const one of isList ? value : [value]) {
    if (!fits(one, field.type)) faults.push(`${path} is not ${field.type}: ${JSON.stringify(one)}`);
    if (field.allowed_values && !field.allowed_values.some((allowed) => allowed.name === one)) faults.push(`${path} may not be ${one}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { cairn, ...document } = JSON.parse(line);
  documents++;
  look(document, "");
  for (const name of Object.keys(fields).filter((name) => fields[name].required)) {
    if (name.split(".").reduce((inner, part) => inner?.[part], document) === undefined) faults.push(`${name} is missing`);
  }
  const { category = [], type = [] } = document.event;
  for (const one of type) {
    const goes = fields["event.category"].allowed_values.filter((allowed) => category.includes(allowed.name));
    if (!goes.some((allowed) => allowed.expected_event_types.includes(one))) faults.push(`event.type ${one} does not go with ${category}`);
  }
}

console.log(`${documents} documents of ECS ${ecs.EcsVersion}, ${faults.length} faults`);
for (const fault of faults.slice(0, 20)) console.log(fault);
