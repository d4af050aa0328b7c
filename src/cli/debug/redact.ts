/** Replaces names in a text by placeholders, the same name always by the same one, so that the text can be given away and still be understood. */

export type NameKind = 'host' | 'cluster' | 'directory' | 'boot' | 'text'

/** Says nothing about anyone. */
const PUBLIC_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::]', ''])

export class Redaction {
  readonly #placeholders = new Map<string, string>()
  readonly #counts = new Map<NameKind, number>()

  add(kind: NameKind, name: string): void {
    if (name === '' || this.#placeholders.has(name)) return
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    this.#placeholders.set(name, `${kind}-${count}`)
  }

  /** 'host:port'. The port is kept. */
  addAddress(address: string): void {
    const host = address.slice(0, Math.max(0, address.lastIndexOf(':')))
    if (!PUBLIC_HOSTS.has(host)) this.add('host', host)
  }

  /** Every name that was added, wherever it occurs: the longest first, in case one is part of another. */
  apply(text: string): string {
    const names = [...this.#placeholders.keys()].sort((one, other) => other.length - one.length)
    return names.reduce((all, name) => all.replaceAll(name, this.#placeholders.get(name) as string), text)
  }
}
