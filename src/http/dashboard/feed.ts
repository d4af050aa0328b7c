/** Passes messages to all listeners, and keeps the latest for listeners that come later. */
import type { NodeId } from '../../core/types.ts'
import { DASHBOARD_DEFAULTS } from '../limits.ts'
import type { FeedMessage } from './feed-message.ts'
import { encodeMessage } from './feed-message.ts'

/** Receives an encoded message. Must not throw or block. */
export type FeedListener = (text: string, message: FeedMessage) => void

export class Feed {
  readonly #recentEventsMax: number
  readonly #listeners = new Set<FeedListener>()
  readonly #nodes = new Map<NodeId, FeedMessage>()
  #links: FeedMessage[] = []
  #events: FeedMessage[] = []
  /** Called when the first listener is added, and when the last one is removed. */
  onWatched: (isWatched: boolean) => void = () => undefined

  constructor({ recentEventsMax = DASHBOARD_DEFAULTS.recentEventsMax }: { readonly recentEventsMax?: number } = {}) {
    this.#recentEventsMax = recentEventsMax
  }

  publish(message: FeedMessage): void {
    if (message.type === 'view' || message.type === 'down') this.#nodes.set(message.node, message)
    else if (message.type === 'links') this.#links = [message]
    else this.#events = [...this.#events, message].slice(-this.#recentEventsMax)
    if (this.#listeners.size === 0) return
    const text = encodeMessage(message)
    for (const listener of this.#listeners) listener(text, message)
  }

  /** Passes the latest messages at once, and then every further one. The returned function ends that. */
  subscribe(listener: FeedListener): () => void {
    for (const message of [...this.#events, ...this.#links, ...this.#nodes.values()])
      listener(encodeMessage(message), message)
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.onWatched(true)
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.onWatched(false)
    }
  }
}
