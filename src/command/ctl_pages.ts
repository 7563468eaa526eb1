/**
 * All pages of a list as one reply. A list that is longer than a terminal is for is cut off with an error, as
 * all of it is held at once.
 */

import type { Reply } from "./ctl_client.ts";
import { listIn } from "./ctl_output.ts";

/** Items at most. */
const MOST = 1_000_000;
/** Times that a page is asked for where the broker says that it is asked too often, a second apart. */
const TRIES = 10;

/**
 * Asks until there is no next page. A refusal is handed on as it is.
 *
 * @param ask asks the command once
 * @throws an Error where there are too many
 */
export async function allPages(
  ask: (input: Readonly<Record<string, unknown>>) => Promise<Reply>,
  input: Readonly<Record<string, unknown>>,
): Promise<Reply> {
  let reply = await ask(input);
  const items: unknown[] = [];
  for (let tries = 1;;) {
    if (!reply.ok) {
      if (reply.error?.reason !== "tooManyRequests" || tries++ >= TRIES) return reply;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    } else {
      tries = 1;
      const list = listIn(reply.data!);
      if (list === undefined) return reply;
      for (const item of list.items) items.push(item);
      const next = reply.data!["next"];
      if (next === undefined || next === null) {
        return { ...reply, data: { ...reply.data, [list.name]: items } };
      }
      if (items.length >= MOST) throw new Error(`more than ${MOST} items: ask for pages`);
      input = { ...input, after: next };
    }
    reply = await ask(input);
  }
}
