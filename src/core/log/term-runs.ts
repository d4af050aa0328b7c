/** The term of every index, as runs: a log of a million entries has a handful. */
import { assert } from '../assert.ts'
import type { LogIndex, Term } from '../types.ts'

interface TermRun {
  readonly first: LogIndex
  readonly term: Term
}

export class TermRuns {
  /** Invariant: `first` and `term` strictly rise. */
  #runs: TermRun[] = []

  /** The term at an index that is at or after the first run's start. */
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
    assert(last === undefined || (last.term < term && last.first < first), 'terms never fall along a log')
    this.#runs.push({ first, term })
  }

  /** The greatest index at or below `index` whose term is at most `term`, or undefined if the runs do not know one. */
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

  /** Forgets the terms at and below an index. */
  compactTo(index: LogIndex): void {
    while (this.#runs.length > 1 && (this.#runs[1] as TermRun).first <= index + 1) this.#runs.shift()
    const first = this.#runs[0]
    if (first !== undefined && first.first <= index) this.#runs[0] = { first: index + 1, term: first.term }
  }

  clear(): void {
    this.#runs = []
  }
}
