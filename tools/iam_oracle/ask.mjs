// Reads simulations as JSON from standard input, and writes what the evaluator says to each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { runSimulation } = createRequire(process.argv[2])("@cloud-copilot/iam-simulate");
const verdicts = [];
for (const simulation of JSON.parse(readFileSync(0, "utf8"))) {
  const result = await runSimulation(simulation, {});
  const errors = result.resultType === "error" ? JSON.stringify(result.errors) : "";
  verdicts.push(errors || result.overallResult);
}
process.stdout.write(JSON.stringify(verdicts));
