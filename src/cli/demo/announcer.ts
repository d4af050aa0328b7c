/** What the demo says as it goes: one line per event, for a person or for a program. */
import type { Terminal } from '../terminal.ts'

/** Facts of one event; `text` is the same for people. */
export interface Announcement {
  readonly event: string
  readonly text: string
  readonly [fact: string]: unknown
}

export class Announcer {
  readonly #terminal: Terminal
  readonly #isJson: boolean

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal
    this.#isJson = isJson
  }

  announce(announcement: Announcement): void {
    const { text, ...facts } = announcement
    this.#terminal.out(
      this.#isJson ? `${JSON.stringify({ time: new Date().toISOString(), ...facts, text })}\n` : `${text}\n`,
    )
  }

  /** Only for people. */
  note(text: string): void {
    if (!this.#isJson) this.#terminal.out(`${text}\n`)
  }
}
