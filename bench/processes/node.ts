/** A measured node: the built package with a state machine that counts, and keeps values if asked to. */
import { bytesCodec, type RaftNode, type StartOptions, startNode } from 'quorate'
import { MeasuredMachine } from './measured-machine.ts'
import { serveParent } from './parent.ts'

/** What the process that starts this one passes as its argument. */
export interface NodeArguments {
  readonly id: string
  readonly listen: string
  readonly peers: Readonly<Record<string, string>>
  readonly dataDir: string
  readonly keepValues: boolean
  readonly join: boolean
  /** Further options of startNode. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The state of a node, as far as it is measured. */
export interface NodeState {
  readonly isLeader: boolean
  readonly term: number
  readonly applied: number
  readonly snapshotIndex: number
  readonly storage: string
  readonly package: string
}

const { id, listen, peers, dataDir, keepValues, join, options } = JSON.parse(process.argv[2] as string) as NodeArguments
const machine = new MeasuredMachine(keepValues)
const startOptions: StartOptions<Uint8Array, Uint8Array, Uint8Array, Uint8Array> = {
  ...{ id, listen, peers, dataDir, join, cluster: 'bench', stateMachine: machine },
  ...{ codec: bytesCodec, resultCodec: bytesCodec, queryCodec: bytesCodec, answerCodec: bytesCodec },
  ...options,
}
const node: RaftNode<Uint8Array, Uint8Array, Uint8Array, Uint8Array> = await startNode(startOptions)

// A node that has stopped measures nothing: end with its error, which the parent reports.
void node.failed.then((error) => {
  console.error(error)
  process.exit(1)
})

serveParent(
  state(),
  { write: (command) => node.propose(command), read: (key) => node.read(() => machine.query(key)) },
  {
    state,
    /** Makes every snapshot at least so large, and takes one. */
    takeSnapshot: async (bytes: number) => {
      await node.propose(MeasuredMachine.ballastCommand(bytes))
      await node.takeSnapshot({ timeoutMs: 120_000 })
    },
    addMember: async ({ id, address }: { readonly id: string; readonly address: string }) => {
      await node.changeMembership({ add: [{ id, address, promote: true }] })
    },
  },
)

function state(): NodeState {
  const { role, term, appliedIndex, snapshotIndex, storage = '' } = node.statusNow()
  const module = import.meta.resolve('quorate')
  return { isLeader: role === 'leader', term, applied: appliedIndex, snapshotIndex, storage, package: module }
}
