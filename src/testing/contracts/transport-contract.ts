/** What every transport must do, as a suite for any test runner: pass in `describe`, `it` and how to make a network. */
import type { CheckGroup, SuiteOptions } from './suite.ts'
import { defineSuite } from './suite.ts'
import { admission } from './transport/admission.ts'
import type { TransportCapability } from './transport/capabilities.ts'
import { closing } from './transport/closing.ts'
import { corruptedBytes, injectedBytes, invalidBytes } from './transport/invalid-bytes.ts'
import { largestMessage } from './transport/largest-message.ts'
import { links } from './transport/links.ts'
import { messages } from './transport/messages.ts'
import { TIMEOUT_MS_DEFAULT } from './transport/recording-host.ts'
import { snapshots } from './transport/snapshots.ts'
import { stalls } from './transport/stalls.ts'
import type { TransportFixture, TransportTest } from './transport/test-network.ts'
import { TestNetwork } from './transport/test-network.ts'

export type { TransportCapability as TransportAbility } from './transport/capabilities.ts'
export type { TransportFixture as TransportWorld } from './transport/test-network.ts'

export interface TransportContractOptions extends SuiteOptions<TransportCapability> {
  /** A fresh network for each test. Its transports ask again within a second after a refusal. */
  readonly make: () => TransportFixture | Promise<TransportFixture>
  /** How long a check waits for what must come before it fails; 8000 by default. */
  readonly timeoutMs?: number | undefined
}

const GROUPS: readonly CheckGroup<Parameters<TransportTest>[1], TransportCapability>[] = [
  {
    name: 'messages',
    define: messages,
    hint: 'send(): its window of bytes, its queue, and how messages become bytes and back',
  },
  {
    name: 'the largest message',
    define: largestMessage,
    hint: 'whether send() counts as messageBytes() does, and what both ends let pass',
    requires: 'a largest message',
  },
  {
    name: 'a stalled peer',
    define: stalls,
    hint: 'what is queued for a peer that does not read, and what close() waits for',
    requires: 'stalls',
  },
  {
    name: 'links',
    define: links,
    hint: 'setPeers(), and when peerConnected() and peerLost() of the host are called',
  },
  {
    name: 'admission',
    define: admission,
    hint: 'the handshake: admit() on both ends first, then refusedBy() or peerConnected()',
  },
  {
    name: 'snapshots',
    define: snapshots,
    hint: 'fetchSnapshot(), and how readSnapshot() of the host is paced and ended',
  },
  { name: 'closing', define: closing, hint: 'close() in each state, and what is still called back after it' },
  {
    name: 'hostile bytes',
    define: invalidBytes,
    hint: 'what is read before a peer has said who it is, how much of it, and what an unreadable beginning ends',
    requires: 'raw bytes',
  },
  {
    name: 'bytes in between',
    define: (on) => {
      injectedBytes(on)
      corruptedBytes(on)
    },
    hint: 'whether frames are checked as they are read, and a broken stream is ended and opened anew',
    requires: 'bytes in between',
  },
]

export function transportContract(options: TransportContractOptions): void {
  const { make, timeoutMs = TIMEOUT_MS_DEFAULT } = options
  defineSuite('the transport contract', options, GROUPS, (body) => withTestNetwork(make, timeoutMs, body))
}

/** Runs a check's body on a fresh network, and closes all that it started. */
async function withTestNetwork(
  make: TransportContractOptions['make'],
  patienceMs: number,
  body: (net: TestNetwork) => Promise<void>,
): Promise<void> {
  const net = new TestNetwork(await make(), patienceMs)
  try {
    await body(net)
  } finally {
    await net.close()
  }
}
