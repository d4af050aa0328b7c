/** Prints the events of the demo, one line each: as text or as JSON. */
import type { Terminal } from '../terminal.ts'

/** One event: its facts for programs, and `text` for people. */
export interface Announcement {
  readonly event: string
  readonly text: string
  readonly [fact: string]: unknown
}

export class Announcer {
  readonly #terminal: Terminal
  readonly #isJson: boolean
  /** Receives the text of every event. */
  onText: (text: string) => void = () => undefined

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal
    this.#isJson = isJson
  }

  announce(announcement: Announcement): void {
    const { text, ...facts } = announcement
    this.onText(text)
    this.#terminal.out(
      this.#isJson ? `${JSON.stringify({ time: new Date().toISOString(), ...facts, text })}\n` : `${text}\n`,
    )
  }

  /** Prints a line that is omitted with --json. */
  note(text: string): void {
    this.onText(text)
    if (!this.#isJson) this.#terminal.out(`${text}\n`)
  }
}
