/** State machines that a child process can import: a correct one, some that depend on the process, one with an endless loop. */
import { hostname } from 'node:os'
import type { StateMachine } from '../../src/contracts/state-machine.ts'

export class Sum implements StateMachine<number, unknown> {
  total = 0

  apply(add: number, _context?: { readonly index: number }): unknown {
    this.total += add
    return this.total
  }

  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
    return [Buffer.from(String(this.total))]
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.total = Number(text)
  }
}

/** Read when the module is loaded, before the determinism guard is installed. */
const { timeZone } = Intl.DateTimeFormat().resolvedOptions()

export class TimeZoneDependent extends Sum {
  override apply(add: number): unknown {
    return `${super.apply(add)} ${timeZone}`
  }
}

const place = `${hostname()} ${process.env.USER ?? 'no user'}`

export class HostDependent extends Sum {
  override apply(add: number): unknown {
    return `${super.apply(add)} ${place}`
  }
}

export class SnapshotOfHost extends Sum {
  override snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify({ place, total: this.total }))]
  }

  override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += Buffer.from(chunk).toString()
    this.total = (JSON.parse(text) as { total: number }).total
  }
}

export class ThrowsElsewhere extends Sum {
  count = 0

  override apply(add: number): unknown {
    if (++this.count === 2 && place.startsWith('another-host')) throw new Error('not here')
    return super.apply(add)
  }
}

export class Endless extends Sum {
  override apply(add: number): unknown {
    for (let more = add; more !== 0; more -= 2) this.total++
    return this.total
  }
}

export function makeSum(): Sum {
  return new Sum()
}
