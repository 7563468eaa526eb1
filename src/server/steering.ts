/**
 * How the clock of a node keeps to that of the cluster: what it is off by is made good bit by bit, so that it
 * never falls and never jumps. All in milliseconds of a monotonic clock, without a clock of its own.
 */

/** How much faster or slower the clock runs meanwhile: a second is made good in twenty. */
const RATE = 1 / 20;

export class Steering {
  #settled = 0;
  #rate = 0;
  #from = 0;
  #until = 0;

  /** What is to be added to the clock at that instant of the monotonic one. */
  at(elapsed: number): number {
    if (this.#rate === 0) return this.#settled;
    if (elapsed < this.#until) return this.#settled + this.#rate * (elapsed - this.#from);
    this.#settled += this.#rate * (this.#until - this.#from);
    this.#rate = 0;
    return this.#settled;
  }

  /** From that instant on it makes good what the clock is off by: behind (above 0) or ahead, in place of earlier words. */
  steer(elapsed: number, behind: number): void {
    this.#settled = this.at(elapsed);
    this.#rate = Math.sign(behind) * RATE;
    this.#from = elapsed;
    this.#until = elapsed + Math.abs(behind) / RATE;
  }
}
