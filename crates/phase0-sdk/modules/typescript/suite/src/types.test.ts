// Each file in `refused` is a mistake that must not compile. Its first line says with which words.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const suite = fileURLToPath(new URL("..", import.meta.url));
const refused = join(suite, "refused");
const files = readdirSync(refused).map((name) => join(refused, name));

const { config } = ts.readConfigFile(join(suite, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
  config: unknown;
};
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, suite);
const program = ts.createProgram(files, { ...options, rootDir: suite, noEmit: true });

test("there are mistakes to refuse", () => {
  assert.ok(files.length >= 4);
});

for (const file of files) {
  test(`${file.slice(refused.length + 1)} does not compile`, () => {
    const source = program.getSourceFile(file);
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    const found = diagnostics.map(({ code, messageText }) => {
      const [first] = ts.flattenDiagnosticMessageText(messageText, "\n").split("\n");
      return `// TS${String(code)}: ${first ?? ""}`;
    });
    assert.deepEqual(found, readFileSync(file, "utf8").split("\n").slice(0, 1));
  });
}
