// Today's ClickHouse, which npm has as a library without a server, behind as much of ClickHouse's HTTP as Cairn speaks.
// node server.mjs [PORT] prints "ready PORT". Then: CAIRN_TEST_CLICKHOUSE=PORT tests/Cairn.Tests/bin/Release/net10.0/Cairn.Tests -class Cairn.Storage.ClickHouse.ClickHouseLogStoreTests
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Session } from "chdb";

const folder = mkdtempSync(join(tmpdir(), "cairn-chdb-"));
const session = new Session(join(folder, "data"));
let files = 0;

function ask(sql, database, settings) {
  session.query(`USE ${database}`);
  for (const [name, value] of settings) session.query(`SET ${name} = ${value}`);
  // The library answers with text; bytes come whole through a file.
  if (!/^\s*(SELECT|DESCRIBE|SHOW|CHECK)/i.test(sql)) return Buffer.from(session.query(sql) ?? "");
  const file = join(folder, `answer-${files++}`);
  const format = / FORMAT (\w+)\s*$/.exec(sql)?.[1] ?? "TabSeparated";
  session.query(`${sql.replace(/ FORMAT \w+\s*$/, "")} INTO OUTFILE '${file}' FORMAT ${format}`);
  const bytes = readFileSync(file);
  rmSync(file);
  return bytes;
}

function insert(sql, body, database, settings) {
  const [, table, columns] = /^INSERT INTO (\S+) \((.*)\) FORMAT RowBinary$/.exec(sql);
  const file = join(folder, `rows-${files++}`);
  writeFileSync(file, body);
  session.query(`USE ${database}`);
  const types = new Map(
    session
      .query(`SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${table}' FORMAT TabSeparated`)
      .trim()
      .split("\n")
      .map((line) => line.split("\t")),
  );
  const structure = columns.split(", ").map((column) => `${column} ${types.get(column.replaceAll("`", ""))}`).join(", ");
  for (const [name, value] of settings) session.query(`SET ${name} = ${value}`);
  session.query(`INSERT INTO ${table} (${columns}) SELECT * FROM file('${file}', RowBinary, '${structure}')`);
  rmSync(file);
  return Buffer.alloc(0);
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/ping") return response.end("Ok.\n");
    const body = Buffer.concat(parts);
    const [database, sql] = [url.searchParams.get("database") ?? "default", url.searchParams.get("query")];
    const settings = [...url.searchParams].filter(([name]) => !["database", "query", "query_id", "wait_end_of_query"].includes(name));
    try {
      response.end(sql ? insert(sql, body, database, settings) : ask(body.toString(), database, settings));
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error.message ?? error));
    }
  });
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(`ready ${server.address().port}`));
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  });
