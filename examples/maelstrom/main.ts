/** Runs one node of `lin-kv`: messages on standard input and output, everything else on standard error. */
import { parseArgs } from 'node:util'
import { LinKvNode } from './lin-kv-node.ts'
import { lineStream } from './message-stream.ts'

const { values } = parseArgs({
  options: {
    /** The parent of the data directory; without it the log is in memory. */
    data: { type: 'string' },
    /** The minimum election timeout in milliseconds. The maximum is twice, the heartbeat interval an eighth of it. */
    election: { type: 'string', default: '750' },
    /** The number of commands between snapshots, and of entries kept behind one. */
    snapshot: { type: 'string', default: '10000' },
  },
})
const [electionMs, snapshotEntries] = [Number(values.election), Number(values.snapshot)]

const stream = lineStream(process.stdin, process.stdout, () => void node.close())
const node = new LinKvNode(stream, {
  data: values.data,
  limits: {
    electionTimeoutMinMs: electionMs,
    electionTimeoutMaxMs: 2 * electionMs,
    heartbeatIntervalMs: Math.ceil(electionMs / 8),
    snapshotEntries,
    trailingEntries: snapshotEntries,
  },
  links: { pingMs: electionMs, linkTimeoutMs: 4 * electionMs },
})
