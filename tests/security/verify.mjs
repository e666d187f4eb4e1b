// Hands what was posted to the receiver that docs/consume.md shows: JSON in, the statuses that it answers out.
import { readFileSync } from "node:fs";
import { receive } from "./node_modules/.receive.mjs";

console.log = () => {};
const { secret, posts } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(posts.map(({ body, headers }) => receive(secret, body, headers))));
