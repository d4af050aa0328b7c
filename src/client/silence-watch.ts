/** Notices that a node has calls open and answers none of them, as a machine without power does: its connection stays open. */
import type { Clock, Timer } from '../contracts/clock.ts'

/** Time counts in steps, so that a pause of this process, however long, counts as one step: answers may wait in its sockets. */
const STEPS = 4

interface OpenCalls {
  /** Of a node without calls: 0, until the next step. */
  count: number
  /** Steps since the last answer, or since the first of the open calls. */
  silentSteps: number
}

export interface SilenceWatchOptions {
  readonly clock: Clock
  readonly nodeSilenceMs: number
  /** Called when a node with open calls has been silent for `nodeSilenceMs`, and again after each further such time. */
  readonly onSilent: (address: string) => void
}

export class SilenceWatch {
  readonly #clock: Clock
  readonly #stepMs: number
  readonly #onSilent: (address: string) => void
  /** By address. */
  readonly #open = new Map<string, OpenCalls>()
  readonly #silent = new Set<string>()
  #timer: Timer | undefined

  constructor({ clock, nodeSilenceMs, onSilent }: SilenceWatchOptions) {
    this.#clock = clock
    this.#stepMs = nodeSilenceMs / STEPS
    this.#onSilent = onSilent
  }

  /** Whether the node was found silent, and has answered nothing since. */
  isSilent(address: string): boolean {
    return this.#silent.has(address)
  }

  onCallOpened(address: string): void {
    const open = this.#open.get(address)
    if (open === undefined) this.#open.set(address, { count: 1, silentSteps: 0 })
    else if (open.count++ === 0) open.silentSteps = 0
    this.#timer ??= this.#nextStep()
  }

  onCallEnded(address: string): void {
    const open = this.#open.get(address)
    if (open !== undefined) open.count--
  }

  /** The node has answered something. */
  onAnswer(address: string): void {
    const open = this.#open.get(address)
    if (open !== undefined) open.silentSteps = 0
    this.#silent.delete(address)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #nextStep(): Timer {
    return this.#clock.wakeAt(this.#clock.now() + this.#stepMs, () => this.#step())
  }

  /** Ends the timer after a step without calls: calls that follow each other closely need no timer of their own. */
  #step(): void {
    for (const [address, { count }] of this.#open) if (count === 0) this.#open.delete(address)
    this.#timer = this.#open.size === 0 ? undefined : this.#nextStep()
    for (const [address, open] of this.#open) {
      if (++open.silentSteps < STEPS) continue
      open.silentSteps = 0
      this.#silent.add(address)
      this.#onSilent(address)
    }
  }
}
