/** Reads a follower has asked the leader about, until they are answered or given up. */
import type { Instant } from '../types.ts'

export class ForwardedReads {
  /** By the caller's number; deadlines rise in insertion order. */
  readonly #deadlines = new Map<number, Instant>()

  get length(): number {
    return this.#deadlines.size
  }

  add(read: number, deadline: Instant): void {
    this.#deadlines.set(read, deadline)
  }

  /** Whether it was still waited for. */
  take(read: number): boolean {
    return this.#deadlines.delete(read)
  }

  takeDue(now: Instant): number[] {
    const due: number[] = []
    for (const [read, deadline] of this.#deadlines) {
      if (deadline > now) break
      due.push(read)
    }
    for (const read of due) this.#deadlines.delete(read)
    return due
  }

  drain(): number[] {
    const all = [...this.#deadlines.keys()]
    this.#deadlines.clear()
    return all
  }

  get nextDeadline(): Instant {
    for (const deadline of this.#deadlines.values()) return deadline
    return Infinity
  }
}
