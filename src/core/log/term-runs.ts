/** The term of every entry, stored as runs of equal terms: even a long log has few. */
import { assert } from '../assert.ts'
import type { LogIndex, Term } from '../types.ts'

interface TermRun {
  readonly first: LogIndex
  readonly term: Term
}

export class TermRuns {
  /** Invariant: `first` and `term` strictly increase. */
  #runs: TermRun[] = []

  /** The term at `index`, or undefined before the first run. */
  termAt(index: LogIndex): Term | undefined {
    for (let offset = this.#runs.length - 1; offset >= 0; offset--) {
      const run = this.#runs[offset] as TermRun
      if (run.first <= index) return run.term
    }
    return undefined
  }

  append(first: LogIndex, term: Term): void {
    const last = this.#runs[this.#runs.length - 1]
    if (last !== undefined && last.term === term) return
    assert(last === undefined || (last.term < term && last.first < first), 'terms never decrease along the log')
    this.#runs.push({ first, term })
  }

  /** The greatest index at or below `index` whose term is at most `term`, or undefined if no run contains one. */
  lastWithTermAtMost(index: LogIndex, term: Term): LogIndex | undefined {
    let end = index
    for (let offset = this.#runs.length - 1; offset >= 0; offset--) {
      const run = this.#runs[offset] as TermRun
      if (run.first > index) continue
      if (run.term <= term) return end
      end = run.first - 1
    }
    return undefined
  }

  truncateAfter(index: LogIndex): void {
    while (this.#runs.length > 0 && (this.#runs[this.#runs.length - 1] as TermRun).first > index) this.#runs.pop()
  }

  /** Forgets the terms up to `index`. */
  compactTo(index: LogIndex): void {
    while (this.#runs.length > 1 && (this.#runs[1] as TermRun).first <= index + 1) this.#runs.shift()
    const first = this.#runs[0]
    if (first !== undefined && first.first <= index) this.#runs[0] = { first: index + 1, term: first.term }
  }

  clear(): void {
    this.#runs = []
  }
}
