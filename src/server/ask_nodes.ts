/**
 * What the nodes of a cluster ask each other for their administrators, and tell each other of traces: small JSON
 * texts through the inboxes that they have in the shared state. Section 8 of the architecture.
 *
 * These texts are trusted: whether something may be asked was decided by the node that a client asked. So who can
 * write to that Redis is an administrator of every node, which the README says too.
 *
 *     {"v":1,"type":"ask","from":"a.1","ticket":7,"until":1760000005000,"topic":"$CONTROL/…","payload":"{…}","by":{…}}
 *     {"v":1,"type":"answer","from":"b.2","ticket":7,"reply":{"ok":true,"data":{…}}}
 *     {"v":1,"type":"tell","from":"b.2","about":"trace","what":{…}}
 *
 * It decides nothing: what is asked is performed by the services, which know that another node has passed it on.
 * What has another form, is too long or comes late is let go of: nothing is done that nobody waits for any more, as
 * after the shared state was away for a while. Who does not answer is named.
 */

import type { Instant, NodeId } from "../policy/identity.ts";
import type { NodeNote } from "../service/management/node_note.ts";
import { LONGEST, nodeNoteIn } from "../service/management/node_note.ts";
import type { NodeAnswer, Request, Task, TaskResult } from "../service/service.ts";

/** Milliseconds that an answer may take. */
const PATIENCE = 5_000;
/** Questions under way, to others and of others. */
const MOST = 1_000;

export interface AskNodesOptions {
  readonly node: NodeId;
  /** By the clock that all nodes go by. */
  readonly now: () => Instant;
  /** To that node, durably and in order. */
  readonly send: (to: NodeId, text: string) => Promise<void>;
  /** Performs what another node passes on; `done` takes the reply. */
  readonly perform: (request: Request, done: (reply: unknown) => void) => void;
  /** What another node tells. */
  readonly told?: (about: string, from: NodeId, what: unknown) => void;
  /** Something that another node has sent is not understood, or could not be sent. */
  readonly trouble: (words: string) => void;
  readonly patience?: number;
}

/** A question that others have not all answered. */
interface Asked {
  readonly missing: Set<NodeId>;
  readonly answers: NodeAnswer[];
  readonly end: () => void;
}

export class AskNodes {
  readonly #options: AskNodesOptions;
  readonly #asked = new Map<number, Asked>();
  #lastTicket = 0;
  /** Questions of others that are being answered. */
  #answering = 0;

  constructor(options: AskNodesOptions) {
    this.#options = options;
  }

  /** Asks these nodes; resolves when all have answered, or the time for it is over. */
  ask({ nodes, request }: Task & { readonly type: "askNodes" }): Promise<TaskResult> {
    const answers: NodeAnswer[] = [];
    if (nodes.length === 0) return Promise.resolve({ type: "answers", answers, unanswered: [] });
    if (this.#asked.size >= MOST) {
      const detail = `${MOST} questions to other nodes are under way`;
      return Promise.resolve({ type: "failed", reason: "tooManyRequests", detail });
    }
    const ticket = ++this.#lastTicket;
    const missing = new Set(nodes);
    const { node, now, patience = PATIENCE } = this.#options;
    const { promise, resolve } = Promise.withResolvers<TaskResult>();
    const end = () => {
      clearTimeout(timer);
      this.#asked.delete(ticket);
      const order = (at: NodeId) => nodes.indexOf(at);
      answers.sort((one, other) => order(one.node) - order(other.node));
      resolve({ type: "answers", answers, unanswered: [...missing] });
    };
    const timer = setTimeout(end, patience);
    this.#asked.set(ticket, { missing, answers, end });
    const { identity: { user, roles }, clientId, address, listener, via, topic, payload } = request;
    const text = JSON.stringify(
      {
        v: 1,
        type: "ask",
        from: node,
        ticket,
        until: now() + patience,
        topic,
        payload: UTF8.decode(payload),
        by: { user, roles: [...roles], clientId, address, listener, via },
      } satisfies NodeNote,
    );
    for (const to of nodes) this.#send(to, text);
    return promise;
  }

  /** Tells another node something that it need not answer; resolves when that is on its way, or is not. */
  tell(to: NodeId, about: string, what: unknown): Promise<void> {
    const { node: from } = this.#options;
    return this.#send(
      to,
      JSON.stringify({ v: 1, type: "tell", from, about, what } satisfies NodeNote),
    );
  }

  /** What another node has sent to this one. */
  instructed(text: string): void {
    const { node, told, trouble } = this.#options;
    const found = nodeNoteIn(text);
    if (typeof found === "string") return trouble(`another node has sent what is ${found}`);
    if (found.from === node) return;
    if (found.type === "tell") told?.(found.about, found.from, found.what);
    else if (found.type === "answer") this.#answered(found);
    else this.#answer(found);
  }

  /** Waits for nothing any more. */
  close(): void {
    for (const { end } of [...this.#asked.values()]) end();
  }

  #answered({ from: node, ticket, reply }: NodeNote & { readonly type: "answer" }): void {
    const asked = this.#asked.get(ticket);
    if (asked?.missing.delete(node) !== true) return; // it comes late, or twice
    asked.answers.push(reply.ok ? { node, data: reply.data } : { node, refused: reply.error });
    if (asked.missing.size === 0) asked.end();
  }

  #answer({ from, ticket, until, topic, payload, by }: NodeNote & { readonly type: "ask" }): void {
    if (this.#answering >= MOST || until < this.#options.now()) return;
    this.#answering += 1;
    const { user, roles, clientId, address, listener, via } = by;
    const request: Request = {
      topic,
      payload: TO_UTF8.encode(payload),
      identity: { user, roles, clientId, address, listener },
      clientId,
      address,
      listener,
      via,
      sender: undefined,
      passedOn: { from },
    };
    this.#options.perform(request, (reply) => {
      this.#answering -= 1;
      const { node } = this.#options;
      const text = JSON.stringify({ v: 1, type: "answer", from: node, ticket, reply });
      this.#send(from, text.length <= LONGEST ? text : tooLong(node, ticket));
    });
  }

  async #send(to: NodeId, text: string): Promise<void> {
    try {
      if (text.length > LONGEST) throw new Error(`it has ${text.length} characters`);
      await this.#options.send(to, text);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#options.trouble(`nothing can be sent to ${to}: ${words}`);
    }
  }
}

const UTF8 = new TextDecoder();
const TO_UTF8 = new TextEncoder();

function tooLong(from: NodeId, ticket: number): string {
  const error = { reason: "replyTooLarge", detail: "ask for less with limit" } as const;
  return JSON.stringify(
    { v: 1, type: "answer", from, ticket, reply: { ok: false, error } } satisfies NodeNote,
  );
}
