// A `graphql-ws` client that subscribes, tells on stdout what it hears, and comes back when it is cut off.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, token, query] = process.argv.slice(2);
const tell = (kind, value) => console.log(JSON.stringify({ kind, value }));
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${token}` },
  retryAttempts: 5,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  shouldRetry: () => true,
  on: {
    connected: () => tell("connected", null),
    closed: (event) => tell("closed", event.code),
  },
});
client.subscribe(
  { query },
  {
    next: (result) => tell("next", result),
    error: (error) => {
      tell("error", Array.isArray(error) ? error : { code: error.code, reason: String(error.reason ?? error) });
      process.exit(1);
    },
    complete: () => {
      tell("complete", null);
      process.exit(0);
    },
  },
);
