/** What every transport must do, as a suite for any test runner: pass in `describe`, `it` and how to make a network. */
import { toldCheck } from './told-check.ts'
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

interface Group {
  readonly name: string
  readonly define: (on: On) => void
  /** Where the author of a transport looks first when a check of this group fails. */
  readonly lookAt: string
}

const GROUPS: readonly Group[] = [
  {
    name: 'messages',
    define: messages,
    lookAt: 'send(): its window of bytes, its queue, and how messages become bytes and back',
  },
  {
    name: 'links',
    define: links,
    lookAt: 'setPeers(), and when peerConnected() and peerLost() of the host are called',
  },
  {
    name: 'admission',
    define: admission,
    lookAt: 'the handshake: admit() on both ends first, then refusedBy() or peerConnected()',
  },
  {
    name: 'snapshots',
    define: snapshots,
    lookAt: 'fetchSnapshot(), and how readSnapshot() of the host is paced and ended',
  },
  { name: 'closing', define: closing, lookAt: 'close() in each state, and what is still called back after it' },
]

export function transportContract({ describe, it, make, patienceMs = PATIENCE_MS }: TransportContractOptions): void {
  describe('the transport contract', () => {
    for (const { name, define, lookAt } of GROUPS) {
      const on: On = (title, body) =>
        it(title, () => toldCheck({ promise: `${name} ${title}`, lookAt }, () => inNet(make, patienceMs, body)))
      describe(name, () => define(on))
    }
  })
}

/** Runs a check's body on a fresh network, and closes all that it started. */
async function inNet(
  make: TransportContractOptions['make'],
  patienceMs: number,
  body: (net: Net) => Promise<void>,
): Promise<void> {
  const net = new Net(await make(), patienceMs)
  try {
    await body(net)
  } finally {
    await net.close()
  }
}
