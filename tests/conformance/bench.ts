/**
 * The bench of one row: the real broker, runtime, committer, serveLink, outbox and codec over links in
 * memory, a store in memory and a clock that only `passes` moves (the desk of tests/broker). The broker is
 * started by the first link, so that `configure` comes before it.
 */

import assert from "node:assert/strict";
import type { Connect, Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import type { DeskOptions } from "../broker/desk.ts";
import { Desk } from "../broker/desk.ts";
import { connectPacket } from "../broker/packets.ts";
import { Peer } from "./peer.ts";
import { show, Transcript } from "./transcript.ts";

/** What `client` takes: the version, and any field of CONNECT. */
export interface ClientOptions extends Partial<Omit<Connect, "protocolVersion">> {
  readonly version?: ProtocolVersion;
}

export class Bench {
  /** The version of the row. */
  readonly version: ProtocolVersion;
  readonly transcript = new Transcript();
  /** Expectations so far. */
  expectations = 0;
  #options: DeskOptions = {};
  #desk: Desk | undefined;
  #peers = 0;
  /** Actions that have begun and not ended. */
  #underWay = 0;

  constructor(version: ProtocolVersion) {
    this.version = version;
  }

  /** Sets limits, rules or the authenticator, before the first link is opened. */
  configure(options: DeskOptions): void {
    assert.ok(this.#desk === undefined, "configure() before the first link is opened");
    this.#options = {
      ...this.#options,
      ...options,
      limits: { ...this.#options.limits, ...options.limits },
    };
  }

  /** A Network Connection on which nothing was sent. */
  async open(version: ProtocolVersion = this.version, name?: string): Promise<Peer> {
    const desk = await this.desk();
    let peer: Peer | undefined;
    this.#underWay += 1;
    await desk.serve((address) => {
      peer = new Peer(this, name ?? `link ${++this.#peers}`, version, address);
      return peer.link;
    });
    this.#underWay -= 1;
    return peer!;
  }

  /**
   * A client that has been let in: CONNECT with Clean Start 1 and no Keep Alive unless told otherwise, and
   * CONNACK with success, which is taken. Counts for no expectation.
   */
  async client(clientId: string, { version, ...rest }: ClientOptions = {}): Promise<Peer> {
    const [peer, connack] = await this.asks(clientId, {
      ...rest,
      version: version ?? this.version,
    });
    assert.ok(
      connack?.type === "connack" && connack.reasonCode === 0,
      `${clientId} is not let in: ${connack === undefined ? "no CONNACK" : show(connack)}`,
    );
    return peer;
  }

  /** The same, for whom CONNACK matters: it is handed out whatever it says, undefined where none came. */
  async asks(
    clientId: string,
    { version = this.version, ...rest }: ClientOptions = {},
  ): Promise<readonly [Peer, Packet | undefined]> {
    const peer = await this.open(version, clientId === "" ? undefined : clientId);
    await peer.sends(connectPacket(clientId, { ...rest, protocolVersion: version }));
    return [peer, peer.takesNext()];
  }

  /** Virtual time passes; what is due is done on its way. */
  async passes(milliseconds: number): Promise<void> {
    const desk = await this.desk();
    this.transcript.note(`${milliseconds} ms pass`);
    this.#underWay += 1;
    await desk.pass(milliseconds / 1000);
    this.#underWay -= 1;
  }

  /** The broker dies and starts again on what was durable; all links are gone. */
  async restarts(millisecondsDown = 0): Promise<void> {
    const desk = await this.desk();
    this.transcript.note("the broker dies and starts again");
    this.#underWay += 1;
    await desk.restart(millisecondsDown / 1000);
    this.#underWay -= 1;
  }

  /** Any other expectation; `words` say what does not hold when it fails. */
  expects(condition: boolean, words: string): void {
    this.expecting();
    assert.ok(condition, words);
  }

  /** The desk under the bench, for what rarely is needed: `hold`, `letGo`, `feed`, `facts`. */
  async desk(): Promise<Desk> {
    return this.#desk ??= await Desk.open(this.#options);
  }

  /** Part of Surroundings: for peers. */
  async act(what: () => void): Promise<void> {
    this.#underWay += 1;
    what();
    await (await this.desk()).turn();
    this.#underWay -= 1;
  }

  /** Part of Surroundings: for peers. */
  expecting(): void {
    assert.equal(this.#underWay, 0, "an action was not awaited before this expectation");
    this.expectations += 1;
  }

  /** Ends the row. Throws where an action is still under way. */
  async clear(): Promise<void> {
    const left = this.#underWay;
    await this.#desk?.clear();
    assert.equal(left, 0, "an action was not awaited before the end of the row");
  }
}
