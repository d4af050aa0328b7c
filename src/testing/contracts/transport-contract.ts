/** The contract of a transport, as a suite of checks for any test runner. */
import { checkInteger } from '../../platform/options.ts'
import { checkOptions } from '../option-checks.ts'
import type { CheckGroup, SuiteOptions } from './suite.ts'
import { defineSuite, suiteOptions } from './suite.ts'
import { admission } from './transport/admission.ts'
import type { TransportCapability } from './transport/capabilities.ts'
import { TRANSPORT_CAPABILITIES } from './transport/capabilities.ts'
import { endsWithin } from './transport/check-timeout.ts'
import { closing } from './transport/closing.ts'
import { damagedSnapshots } from './transport/damaged-snapshots.ts'
import { corruptedBytes, injectedBytes, invalidBytes } from './transport/invalid-bytes.ts'
import { largestMessage } from './transport/largest-message.ts'
import { links } from './transport/links.ts'
import { messages } from './transport/messages.ts'
import { NetworkTrace } from './transport/network-trace.ts'
import { TIMEOUT_MS_DEFAULT } from './transport/recording-host.ts'
import { snapshots } from './transport/snapshots.ts'
import { stalls } from './transport/stalls.ts'
import type { TransportTest } from './transport/test-network.ts'
import { TestNetwork } from './transport/test-network.ts'
import type { TransportFixture } from './transport/transport-fixture.ts'

export type { TransportFixture } from './transport/transport-fixture.ts'

/** Options of `transportContract`. */
export interface TransportContractOptions extends SuiteOptions<TransportCapability> {
  /** Creates a fresh network. Called for each check. Its transports must retry within a second after a rejection. */
  readonly make: () => TransportFixture | Promise<TransportFixture>
  /** How long a check waits for an expected event before it fails. Default 8000. */
  readonly timeoutMs?: number | undefined
  /**
   * How long a whole check may take, with `make` and the end of the fixture, before it fails with the calls that have not ended. Default four times
   * `timeoutMs`. Let the test runner allow more.
   */
  readonly checkTimeoutMs?: number | undefined
}

/** Time for a few events, one after the other. */
const CHECK_TIMEOUT_FACTOR = 4

const GROUPS: readonly CheckGroup<Parameters<TransportTest>[1], TransportCapability>[] = [
  {
    name: 'messages',
    define: messages,
    hint: 'send(): its window, its queue, and the encoding of messages',
  },
  {
    name: 'the largest message',
    define: largestMessage,
    hint: 'whether send() counts bytes as messageBytes() does, and the size limits of both ends',
    requires: 'largest message',
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
    name: 'a snapshot fetch',
    define: snapshots,
    hint: 'fetchSnapshot(), and how the iterator of readSnapshot() of the host is paced and ended',
  },
  { name: 'a transport', define: closing, hint: 'close() in each state, and calls to the host after it' },
  {
    name: 'invalid bytes',
    define: invalidBytes,
    hint: 'how much is read before the handshake, and what an invalid handshake closes',
    requires: 'raw bytes',
  },
  {
    name: 'injected bytes',
    define: (on) => {
      injectedBytes(on)
      corruptedBytes(on)
      damagedSnapshots(on)
    },
    hint: 'whether frames are verified when they are read, and a broken stream is closed and reopened',
    requires: 'injected bytes',
  },
]

const OPTIONS = suiteOptions(TRANSPORT_CAPABILITIES, {
  timeoutMs: checkInteger(1),
  checkTimeoutMs: checkInteger(1),
})

/**
 * Defines the checks that every transport must pass. A failed check reports the requirement, what was observed, and the part of the
 * implementation to look at:
 *
 * ```ts
 * transportContract({ describe, it, make: () => myFixture(), unsupported: ['stalls'] })
 * ```
 */
export function transportContract(options: TransportContractOptions): void {
  checkOptions(options, OPTIONS)
  const { make, timeoutMs = TIMEOUT_MS_DEFAULT, checkTimeoutMs = CHECK_TIMEOUT_FACTOR * timeoutMs } = options
  const limits = { timeoutMs, checkTimeoutMs }
  defineSuite('transport contract', options, GROUPS, (body, tell) => withTestNetwork(make, limits, body, tell))
}

/** Runs the body of a check on a fresh network, and closes every node that it started. */
async function withTestNetwork(
  make: TransportContractOptions['make'],
  { timeoutMs, checkTimeoutMs }: { readonly timeoutMs: number; readonly checkTimeoutMs: number },
  body: (network: TestNetwork) => Promise<void>,
  tell: (happened: string) => void,
): Promise<void> {
  const trace = new NetworkTrace()
  let network: TestNetwork | undefined
  let failed: { readonly error: unknown; readonly happened: string } | undefined
  const check = async (): Promise<void> => {
    network = new TestNetwork(await trace.awaiting('make()', make()), timeoutMs, trace)
    try {
      await body(network)
    } catch (error) {
      failed = { error, happened: String(trace) }
      throw error
    } finally {
      await network.close()
    }
  }
  try {
    await endsWithin(checkTimeoutMs, check(), trace)
  } catch (error) {
    tell(failed?.happened ?? String(trace))
    // If it is late, it may still hold sockets.
    network?.close().catch(() => undefined)
    // What failed first, also if the end of it failed, too.
    throw failed === undefined ? error : failed.error
  }
}
