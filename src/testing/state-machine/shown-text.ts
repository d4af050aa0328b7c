/** A text that is compared as it is, and that `util.inspect` shows in another form. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

export class ShownText {
  readonly text: string

  constructor(text: string, show: (text: string) => string) {
    this.text = text
    Object.defineProperty(this, INSPECT, { value: () => show(text) })
  }
}
