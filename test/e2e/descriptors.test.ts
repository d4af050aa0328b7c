/** Connections of strangers do not take the file descriptors that real nodes need to vote, to store and to reach each other. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { eventually, RealCluster } from './real-cluster.ts'
import { Writers } from './writers.ts'

const DESCRIPTORS_MAX = 256
/** The first bytes of an HTTP/2 connection. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
/** Nothing, half of a preface, a request of HTTP/1, and a preface with nothing after it. */
const FIRST_BYTES = ['', PREFACE.slice(0, 12), 'GET / HTTP/1.1\r\n', PREFACE]

describe('a cluster of three processes with few file descriptors', function () {
  this.timeout(90_000)
  let cluster: RealCluster
  const sockets: Socket[] = []
  before(async function () {
    if (process.platform !== 'linux') this.skip()
    cluster = await RealCluster.startedWith({ descriptorsMax: DESCRIPTORS_MAX }, 'n1', 'n2', 'n3')
  })
  after(async () => {
    for (const socket of sockets) socket.destroy()
    await cluster?.close()
  })

  async function openSilent(endpoint: string, count: number): Promise<void> {
    const [host = '', port = ''] = endpoint.split(':')
    for (let number = 0; number < count; number++) {
      const socket = connect(Number(port), host).on('error', () => undefined)
      sockets.push(socket)
      await once(socket, 'connect')
      socket.write(FIRST_BYTES[number % FIRST_BYTES.length] ?? '')
    }
  }

  it('elects and writes while strangers connect, says so, and needs no restart afterwards', async () => {
    const writers = new Writers(cluster.endpoints, 'strangers')
    try {
      await writers.awaitWrites(20)
      for (const endpoint of cluster.endpoints) await openSilent(endpoint, 2 * DESCRIPTORS_MAX)
      await writers.awaitWrites(20)
      await eventually('an alarm', async () => {
        const codes = (await cluster.statuses()).flatMap(({ alarms }) => alarms.map(({ code }) => code))
        return codes.includes('CONNECTIONS_CLOSED') && codes.includes('DESCRIPTORS_FEW') ? true : undefined
      })
      const leader = await cluster.leader()
      cluster.sendSignal(leader, 'SIGSTOP')
      await cluster.leader(leader)
      await writers.awaitWrites(20)
      cluster.sendSignal(leader, 'SIGCONT')
      for (const socket of sockets) socket.destroy()
      await writers.awaitWrites(20)
    } finally {
      await writers.stop()
    }
    for (const id of cluster.ids) assert.ok(cluster.isRunning(id), `${id} has ended`)
    await cluster.assertNothingLost(writers)
  })
})
