// Serves docs/examples/receive.js at /receive and the route of docs/consume.md at /route, as Next.js would call it.
// Prints its port, and ends with its standard input.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [receiver, route] = await Promise.all(process.argv.slice(2).map((path) => import(pathToFileURL(path))));
const secret = process.env.PUSH_SECRET;
const { log } = console;
console.log = () => {};

const answers = {
  "/receive": (body, headers) => receiver.receive(secret, body, headers),
  "/route": async (body, headers) => {
    const answer = await route.POST(new Request("http://127.0.0.1/", { method: "POST", body, headers }));
    return answer.status;
  },
};

const server = createServer(async (incoming, outgoing) => {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  const status = await answers[incoming.url](Buffer.concat(parts), incoming.headers);
  outgoing.writeHead(status).end();
});
server.listen(0, "127.0.0.1", () => log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
