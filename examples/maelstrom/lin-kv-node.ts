/** A node of Maelstrom's `lin-kv` workload: it replicates writes with Raft, reads linearizably, and forwards writes to the leader. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { isRaftError, type NodeOptions, type RaftNode, startNode } from 'quorate'
import { MemoryDisk, MemoryStorage } from 'quorate/memory'
import type { Command, Reply } from './lin-kv-machine.ts'
import { LinKvMachine } from './lin-kv-machine.ts'
import type { Body, Message, MessageStream } from './message-stream.ts'
import { MaelstromTransport, type MaelstromTransportOptions, PEER_BODY_TYPE } from './transport.ts'

export interface LinKvOptions {
  /** The parent of the node's data directory. Without it the node stores everything in memory and must not be restarted. */
  readonly data?: string | undefined
  /** Further options of the node. */
  readonly limits?: Partial<NodeOptions<Command, Reply>> | undefined
  readonly links?: Pick<MaelstromTransportOptions, 'pingMs' | 'linkTimeoutMs'> | undefined
}

interface Init {
  readonly node_id: string
  readonly node_ids: readonly string[]
}

/** Less than the one second that Maelstrom's clients wait for a reply. */
const ANSWER_TIMEOUT_MS = 800

/** Maelstrom's error codes. After 0 and 13 the operation may have taken effect; after the others it has not. */
const TIMEOUT = 0
const NOT_SUPPORTED = 10
const TEMPORARILY_UNAVAILABLE = 11
const CRASH = 13

export class LinKvNode {
  readonly #stream: MessageStream
  readonly #options: LinKvOptions
  readonly #machine = new LinKvMachine()
  /** The callbacks of forwarded commands, by message id. */
  readonly #forwarded = new Map<number, (reply: Reply) => void>()
  #id = ''
  #transport: MaelstromTransport | undefined
  #raft: RaftNode<Command, Reply> | undefined
  #messages = 0

  constructor(stream: MessageStream, options: LinKvOptions = {}) {
    this.#stream = stream
    this.#options = options
    stream.onMessage = (message) => void this.#receive(message)
  }

  async close(): Promise<void> {
    await this.#raft?.close()
  }

  async #receive(message: Message): Promise<void> {
    const { body } = message
    switch (body.type) {
      case PEER_BODY_TYPE:
        return this.#transport?.receive(message)
      case 'init':
        await this.#init(body as unknown as Init)
        return this.#reply(message, { type: 'init_ok' })
      case 'passed_on': {
        const reply = await this.#change(body.command as Command, false)
        return this.#reply(message, { type: 'passed_on_ok', reply })
      }
      case 'passed_on_ok':
        return this.#forwarded.get(body.in_reply_to as number)?.(body.reply as Reply)
      default:
        return this.#reply(message, await this.#answer(body))
    }
  }

  async #init({ node_id: id, node_ids: ids }: Init): Promise<void> {
    const { data, limits, links } = this.#options
    this.#id = id
    this.#transport = new MaelstromTransport({ ...links, stream: this.#stream, address: id })
    const storage =
      data === undefined
        ? { storage: new MemoryStorage({ disk: new MemoryDisk({ directoryId: randomUUID() }) }) }
        : { dataDir: join(data, id) }
    this.#raft = await startNode<Command, Reply>({
      ...limits,
      ...storage,
      ...{ id, transport: this.#transport, cluster: 'maelstrom', stateMachine: this.#machine },
      peers: Object.fromEntries(ids.map((each) => [each, each])),
    })
    void this.#raft.failed.then((error) => process.stderr.write(`${id} has failed: ${error.message}\n`))
  }

  async #answer(body: Body): Promise<Reply> {
    if (body.type === 'read') return this.#read(body.key)
    if (body.type === 'write') return this.#change({ type: 'write', key: body.key, value: body.value }, true)
    if (body.type === 'cas') return this.#change({ type: 'cas', key: body.key, from: body.from, to: body.to }, true)
    return { type: 'error', code: NOT_SUPPORTED, text: `${body.type} is not supported` }
  }

  async #read(key: unknown): Promise<Reply> {
    if (this.#raft === undefined) return unavailable('this node has not been initialized')
    try {
      return await this.#raft.read(() => this.#machine.read(key), { timeoutMs: ANSWER_TIMEOUT_MS })
    } catch (error) {
      return unavailable(String(error))
    }
  }

  async #change(command: Command, mayForward: boolean): Promise<Reply> {
    if (this.#raft === undefined) return unavailable('this node has not been initialized')
    try {
      return await this.#raft.propose(command, { timeoutMs: ANSWER_TIMEOUT_MS })
    } catch (error) {
      if (!isRaftError(error)) return { type: 'error', code: CRASH, text: String(error) }
      const leader = error.leader?.id
      if (mayForward && error.code === 'ERR_RAFT_NOT_LEADER' && leader !== undefined)
        return this.#forward(leader, command)
      if (error.outcome === 'not-applied') return unavailable(error.message)
      return { type: 'error', code: error.code === 'ERR_RAFT_OUTCOME_UNKNOWN' ? TIMEOUT : CRASH, text: error.message }
    }
  }

  /** Forwards a command once. It must not be repeated, because a command without a reply may have been applied. */
  #forward(leader: string, command: Command): Promise<Reply> {
    const number = ++this.#messages
    return new Promise((resolve) => {
      const end = (reply: Reply): void => {
        clearTimeout(timer)
        this.#forwarded.delete(number)
        resolve(reply)
      }
      const timeout = { type: 'error', code: TIMEOUT, text: `${leader} did not reply in time` }
      const timer = setTimeout(() => end(timeout), ANSWER_TIMEOUT_MS)
      this.#forwarded.set(number, end)
      this.#stream.send({ src: this.#id, dest: leader, body: { type: 'passed_on', msg_id: number, command } })
    })
  }

  #reply({ src, body }: Message, reply: Reply): void {
    const head = body.msg_id === undefined ? {} : { in_reply_to: body.msg_id }
    this.#stream.send({ src: this.#id, dest: src, body: { ...reply, ...head } })
  }
}

function unavailable(text: string): Reply {
  return { type: 'error', code: TEMPORARILY_UNAVAILABLE, text }
}
