// Checks the facade of Piston with published clients from npm: `piston-client` and `piston-api-client`.
//
//     node piston.mjs ORIGIN      in the folder in which the clients are installed
//
// Exits with a failed assertion. `piston-client` sends JSON as text/plain, so it needs facades.piston.any_content_type.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [origin] = process.argv.slice(2);
const require = createRequire(path.join(process.cwd(), "x.js"));
const { piston } = await import(pathToFileURL(require.resolve("piston-client")));
const { NodePistonClient } = require("piston-api-client");

const first = piston({ server: origin });
assert.ok((await first.runtimes()).some((runtime) => runtime.language === "python"));
const ran = await first.execute("python", "import sys; print(sys.argv[1:])");
assert.deepEqual([ran.language, ran.run.stdout, ran.run.code], ["python", "['1', '2', '3']\n", 0]);
const unknown = await first.execute("nothing", "", { version: "1" });
assert.match(JSON.stringify(unknown), /nothing-1 runtime is unknown/);
console.log("  ok      piston-client 1.0.2 runs a program and reads its result");

const second = new NodePistonClient({ server: origin });
const response = await second.execute({
  language: "js", version: "18.15.0", files: [{ content: "console.log(require('fs').readFileSync(0, 'utf8').trim())" }], stdin: "hi",
});
assert.deepEqual([response.success, response.data.run.stdout, response.data.language], [true, "hi\n", "javascript"]);
assert.ok((await second.runtimes()).data.length > 0);
console.log("  ok      piston-api-client 2.0.1 runs a program and reads its result");
// `piston-api-client` keeps a timer for its cache of a day, which would keep this process running.
process.exit(0);
