/**
 * Notices attempts that take long, so that the call continues at another node. It ends no attempt: an answer that comes later still counts.
 * One timer serves all attempts.
 */
import type { Clock, Timer } from '../contracts/clock.ts'

/** How exactly the time is kept: a fraction of it. */
const STEPS = 4

/** Attempts of calls that may be sent to several nodes. */
export interface WatchedAttempt {
  readonly address: string
  /** The steps since it began. */
  steps: number
  /** Its place in the list; -1 once it was removed. */
  offset: number
  /** Called at most once: the call does not wait for this attempt any longer. */
  readonly leave: (why: string) => void
}

export class AttemptWatch {
  readonly #clock: Clock
  readonly #patienceMs: number
  /** An array, because a set that grows and shrinks makes much garbage. */
  readonly #attempts: WatchedAttempt[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  add(address: string, leave: (why: string) => void): WatchedAttempt {
    const attempt = { address, steps: 0, offset: this.#attempts.length, leave }
    this.#attempts.push(attempt)
    this.#timer ??= this.#nextStep()
    return attempt
  }

  remove(attempt: WatchedAttempt): void {
    const { offset } = attempt
    if (offset < 0) return
    attempt.offset = -1
    const last = this.#attempts.pop() as WatchedAttempt
    if (last === attempt) return
    this.#attempts[offset] = last
    last.offset = offset
  }

  /** The node answers nothing: every call leaves it. */
  onSilent(address: string, why: string): void {
    for (const attempt of [...this.#attempts]) if (attempt.address === address) this.#leave(attempt, why)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #nextStep(): Timer {
    return this.#clock.wakeAt(this.#clock.now() + this.#patienceMs / STEPS, () => this.#step())
  }

  /** Ends the timer after a step without attempts: attempts that follow each other closely need no timer of their own. */
  #step(): void {
    this.#timer = this.#attempts.length === 0 ? undefined : this.#nextStep()
    for (const attempt of [...this.#attempts])
      if (++attempt.steps >= STEPS) this.#leave(attempt, `it has not answered this call for ${this.#patienceMs} ms`)
  }

  #leave(attempt: WatchedAttempt, why: string): void {
    this.remove(attempt)
    attempt.leave(why)
  }
}
