/** Whom a client knows: the endpoints it was given, the members it has learned, a channel to each, and who led last. */
import type { ClientChannel, ClientChannelFactory } from '../contracts/client-channel.ts'
import type { NodeStatus } from '../contracts/node-service.ts'
import type { LogIndex, NodeId } from '../core/types.ts'
import type { LeaderHint } from '../errors.ts'

/**
 * A hint may name any address; it is followed only to an endpoint that was given, or to a member according to the newest
 * membership that a known endpoint has shown. So a node that lies can delay a client, but not send it to a stranger.
 */
export class Endpoints {
  readonly #configured: readonly string[]
  readonly #factory: ClientChannelFactory
  readonly #learnedMax: number
  readonly #channels = new Map<string, ClientChannel>()
  /** Members at addresses that were not given. */
  #learned: readonly string[] = []
  #membershipIndex: LogIndex = -1
  /** Which node answered at which of the given endpoints: a member's own address may be reachable only from inside. */
  readonly #configuredById = new Map<NodeId, string>()
  #preferred: string
  #leader: LeaderHint | undefined

  constructor(configured: readonly string[], factory: ClientChannelFactory, learnedMax: number) {
    this.#configured = [...new Set(configured)]
    this.#factory = factory
    this.#learnedMax = learnedMax
    this.#preferred = this.#configured[0] as string
  }

  get all(): readonly string[] {
    return [...this.#configured, ...this.#learned]
  }

  /** Whom to ask first: who served last. */
  get preferred(): string {
    return this.#preferred
  }

  /** The leader by the newest hint, for error messages. */
  get leader(): LeaderHint | undefined {
    return this.#leader
  }

  channel(address: string): ClientChannel {
    let channel = this.#channels.get(address)
    if (channel === undefined) {
      channel = this.#factory(address)
      this.#channels.set(address, channel)
    }
    return channel
  }

  /** The others, beginning with the one after `address`. */
  othersAfter(address: string): readonly string[] {
    const all = this.all
    const offset = all.indexOf(address)
    return [...all.slice(offset + 1), ...all.slice(0, Math.max(0, offset))]
  }

  prefer(address: string): void {
    this.#preferred = address
  }

  /** No answer from there: the next call begins elsewhere. */
  avoid(address: string): void {
    if (this.#preferred === address) this.#preferred = this.othersAfter(address)[0] ?? address
  }

  onLeaderHint(hint: LeaderHint): void {
    if ((hint.term ?? 0) >= (this.#leader?.term ?? 0)) this.#leader = hint
  }

  /** Where a hinted leader is reached, if it is someone known. */
  addressOf({ id, address }: LeaderHint): string | undefined {
    const configured = this.#configuredById.get(id)
    if (configured !== undefined) return configured
    return address !== undefined && this.all.includes(address) ? address : undefined
  }

  /** Takes from a status who is at the endpoint asked, and who else is in. */
  learn(address: string, { id, membership, membershipIndex }: NodeStatus): void {
    if (this.#configured.includes(address)) this.#configuredById.set(id, address)
    if (membershipIndex < this.#membershipIndex) return
    this.#membershipIndex = membershipIndex
    const members = membership.members.map((member) => member.address).filter((other) => other !== '')
    this.#learned = [...new Set(members)]
      .filter((other) => !this.#configured.includes(other))
      .slice(0, this.#learnedMax)
    if (!this.all.includes(this.#preferred)) this.#preferred = this.#configured[0] as string
  }

  /** Addresses of members that are not among the nodes of these statuses: whom a status of all has still to ask. */
  unaskedMembers(statuses: readonly NodeStatus[]): readonly string[] {
    const seen = new Set(statuses.map(({ id }) => id))
    const newest = statuses.find(({ membershipIndex }) => membershipIndex === this.#membershipIndex)
    const absent = newest?.membership.members.filter(({ id }) => !seen.has(id)) ?? []
    return absent.map(({ address }) => address).filter((address) => this.#learned.includes(address))
  }

  async close(): Promise<void> {
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    await Promise.all(channels.map((channel) => channel.close()))
  }
}
