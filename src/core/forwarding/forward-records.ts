/** What a leader has answered to forwarded proposals: a repeated message gets the same answer and is not appended again. */

import type { ForwardRejection, ProposeRequest } from '../messages.ts'
import type { LogIndex, NodeId } from '../types.ts'

/** Where the block was appended, or why it was not. */
export type ForwardAnswer =
  | { readonly first: LogIndex; readonly rejection?: undefined }
  | { readonly first?: undefined; readonly rejection: ForwardRejection }

interface Origin {
  lowest: number
  /** By ticket, from `lowest` on. */
  readonly answers: Map<number, ForwardAnswer>
}

/** The most processes of one sender, one for each of its restarts. They are kept as long as the leadership lasts: a late message is recognised. */
const ORIGINS_MAX = 1000

export class ForwardRecords {
  readonly #origins = new Map<NodeId, Map<number, Origin>>()

  /**
   * Returns the earlier answer; 'new' if the proposal was never answered; 'passed' if its sender no longer waits for it, or waits for
   * more answers than are remembered; 'full' if there are too many processes of this sender.
   */
  find(
    from: NodeId,
    { origin, ticket, lowest }: ProposeRequest,
    windowMax: number,
  ): ForwardAnswer | 'new' | 'passed' | 'full' {
    const origins = this.#origins.get(from) ?? new Map<number, Origin>()
    const known = origins.get(origin) ?? { lowest, answers: new Map() }
    if (!origins.has(origin) && origins.size >= ORIGINS_MAX) return 'full'
    this.#origins.set(from, origins.set(origin, known))
    if (lowest > known.lowest) {
      known.lowest = lowest
      for (const answered of known.answers.keys()) if (answered < lowest) known.answers.delete(answered)
    }
    if (ticket < known.lowest || ticket - known.lowest >= windowMax) return 'passed'
    return known.answers.get(ticket) ?? 'new'
  }

  record(from: NodeId, { origin, ticket }: ProposeRequest, answer: ForwardAnswer): void {
    this.#origins.get(from)?.get(origin)?.answers.set(ticket, answer)
  }
}
