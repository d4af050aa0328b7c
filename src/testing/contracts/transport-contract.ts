/** What every transport must do, as a suite for any test runner: pass in `describe`, `it` and how to make a network. */
import type { Group, SuiteOptions } from './suite.ts'
import { defineSuite } from './suite.ts'
import type { TransportAbility } from './transport/abilities.ts'
import { admission } from './transport/admission.ts'
import { closing } from './transport/closing.ts'
import { bytesInBetween, changedBytes, hostileBytes } from './transport/hostile.ts'
import { largestMessage } from './transport/largest.ts'
import { links } from './transport/links.ts'
import { messages } from './transport/messages.ts'
import type { On, TransportWorld } from './transport/net.ts'
import { Net } from './transport/net.ts'
import { PATIENCE_MS } from './transport/recording-host.ts'
import { snapshots } from './transport/snapshots.ts'
import { stalls } from './transport/stalls.ts'

export type { TransportAbility } from './transport/abilities.ts'
export type { TransportWorld } from './transport/net.ts'

export interface TransportContractOptions extends SuiteOptions<TransportAbility> {
  /** A fresh network for each test. Its transports ask again within a second after a refusal. */
  readonly make: () => TransportWorld | Promise<TransportWorld>
  /** How long a check waits for what must come before it fails; 8000 by default. */
  readonly patienceMs?: number | undefined
}

const GROUPS: readonly Group<Parameters<On>[1], TransportAbility>[] = [
  {
    name: 'messages',
    define: messages,
    lookAt: 'send(): its window of bytes, its queue, and how messages become bytes and back',
  },
  {
    name: 'the largest message',
    define: largestMessage,
    lookAt: 'whether send() counts as messageBytes() does, and what both ends let pass',
    needs: 'a largest message',
  },
  {
    name: 'a stalled peer',
    define: stalls,
    lookAt: 'what is queued for a peer that does not read, and what close() waits for',
    needs: 'stalls',
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
  {
    name: 'hostile bytes',
    define: hostileBytes,
    lookAt: 'what is read before a peer has said who it is, how much of it, and what an unreadable beginning ends',
    needs: 'raw bytes',
  },
  {
    name: 'bytes in between',
    define: (on) => {
      bytesInBetween(on)
      changedBytes(on)
    },
    lookAt: 'whether frames are checked as they are read, and a broken stream is ended and opened anew',
    needs: 'bytes in between',
  },
]

export function transportContract(options: TransportContractOptions): void {
  const { make, patienceMs = PATIENCE_MS } = options
  defineSuite('the transport contract', options, GROUPS, (body) => inNet(make, patienceMs, body))
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
