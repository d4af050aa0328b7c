/** What every transport must do, as a suite for any test runner: pass in `describe`, `it` and how to make a network. */
import { admission } from './transport/admission.ts'
import { closing } from './transport/closing.ts'
import { links } from './transport/links.ts'
import { messages } from './transport/messages.ts'
import type { On, TransportWorld } from './transport/net.ts'
import { Net } from './transport/net.ts'
import { PATIENCE_MS } from './transport/recording-host.ts'
import { snapshots } from './transport/snapshots.ts'

export type { TransportWorld } from './transport/net.ts'

export interface TransportContractOptions {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
  /** A fresh network for each test. Its transports ask again within a second after a refusal. */
  readonly make: () => TransportWorld | Promise<TransportWorld>
  /** How long a check waits for what must come before it fails; 8000 by default. */
  readonly patienceMs?: number | undefined
}

export function transportContract({ describe, it, make, patienceMs = PATIENCE_MS }: TransportContractOptions): void {
  const on: On = (name, body) =>
    it(name, async () => {
      const net = new Net(await make(), patienceMs)
      try {
        await body(net)
      } finally {
        await net.close()
      }
    })
  describe('the transport contract', () => {
    describe('messages', () => messages(on))
    describe('links', () => links(on))
    describe('admission', () => admission(on))
    describe('snapshots', () => snapshots(on))
    describe('closing', () => closing(on))
  })
}
