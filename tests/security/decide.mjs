// Decides requests against policies with an evaluator that is not ours: JSON in, one verdict a request out.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const nothing = { serviceControlPolicies: [], resourceControlPolicies: [] };

async function verdict({ policies, resourcePolicy, request }) {
  const identityPolicies = policies.map((policy, number) => ({ name: `policy${number}`, policy }));
  const answer = await runSimulation({ request, identityPolicies, resourcePolicy, ...nothing }, {});
  return answer.resultType === "error" ? `error: ${JSON.stringify(answer.errors)}` : answer.overallResult;
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(await Promise.all(asked.map(verdict))));
