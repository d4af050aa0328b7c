/** One node of the queue, as a process: `node.ts ID DIRECTORY PEERS`, where PEERS is JSON. */
import { join } from 'node:path'
import { startNode } from 'quorate'
import { QueueMachine, queueCodecs } from 'quorate/recipes'

const [, , id = '', directory = '', json = '{}'] = process.argv
const peers = JSON.parse(json) as Record<string, string>
await startNode({
  ...{ id, peers, listen: peers[id] as string, dataDir: join(directory, id), stateMachine: new QueueMachine() },
  ...queueCodecs,
  ...{ electionTimeoutMinMs: 400, electionTimeoutMaxMs: 800, heartbeatIntervalMs: 80 },
})
