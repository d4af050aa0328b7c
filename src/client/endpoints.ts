/** The endpoints of a client: configured addresses, learned members, a channel to each, and the last known leader. */
import type { ClientChannel, ClientChannelFactory } from '../contracts/client-channel.ts'
import type { NodeStatus } from '../contracts/node-service.ts'
import type { LogIndex, NodeId } from '../core/types.ts'
import type { LeaderHint } from '../errors.ts'

/**
 * A leader hint is followed only to a configured endpoint or to a member of the newest membership that an endpoint has reported.
 * A faulty node can therefore delay a client, but not send it to an arbitrary address.
 */
export class Endpoints {
  readonly #configured: readonly string[]
  readonly #factory: ClientChannelFactory
  readonly #learnedMax: number
  readonly #channels = new Map<string, ClientChannel>()
  /** Addresses of members that are not configured. */
  #learned: readonly string[] = []
  #membershipIndex: LogIndex = -1
  /** The configured endpoint at which each node answered: a member's own address may not be reachable from the client. */
  readonly #configuredById = new Map<NodeId, string>()
  /** Where nodes have found members that are not where the membership says; of the newest membership. */
  readonly #moved = new Map<NodeId, string>()
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

  /** The address to try first: the one that served last. */
  get preferred(): string {
    return this.#preferred
  }

  /** The leader according to the newest hint. */
  get leader(): LeaderHint | undefined {
    return this.#leader
  }

  /** The endpoint at which to call that leader. */
  get leaderAddress(): string | undefined {
    return this.#leader === undefined ? undefined : this.addressOf(this.#leader)
  }

  channel(address: string): ClientChannel {
    let channel = this.#channels.get(address)
    if (channel === undefined) {
      channel = this.#factory(address)
      this.#channels.set(address, channel)
    }
    return channel
  }

  /** The other addresses in round-robin order after `address`. */
  othersAfter(address: string): readonly string[] {
    const all = this.all
    const offset = all.indexOf(address)
    return [...all.slice(offset + 1), ...all.slice(0, Math.max(0, offset))]
  }

  prefer(address: string): void {
    this.#preferred = address
  }

  /** Called if a node does not respond: the next call starts at another one. */
  avoid(address: string): void {
    if (this.#preferred === address) this.#preferred = this.othersAfter(address)[0] ?? address
  }

  onLeaderHint(hint: LeaderHint): void {
    if ((hint.term ?? 0) >= (this.#leader?.term ?? 0)) this.#leader = hint
  }

  /** The address of a hinted leader, if it is a known endpoint. */
  addressOf({ id, address }: LeaderHint): string | undefined {
    if (address !== undefined && this.#configured.includes(address)) return address
    const configured = this.#configuredById.get(id)
    if (configured !== undefined) return configured
    return address !== undefined && this.all.includes(address) ? address : undefined
  }

  /** Learns from a status which node is at an address, and who the members are. */
  learn(address: string, { id, membership, membershipIndex, moved }: NodeStatus): void {
    if (this.#configured.includes(address)) this.#setConfigured(id, address)
    if (membershipIndex < this.#membershipIndex) return
    if (membershipIndex > this.#membershipIndex) this.#moved.clear()
    this.#membershipIndex = membershipIndex
    for (const member of moved)
      if (membership.members.some((each) => each.id === member.id)) this.#moved.set(member.id, member.address)
    const recorded = membership.members.map((member) => member.address).filter((other) => other !== '')
    this.#learned = [...new Set([...this.#moved.values(), ...recorded])]
      .filter((other) => !this.#configured.includes(other))
      .slice(0, this.#learnedMax)
    if (!this.all.includes(this.#preferred)) this.#preferred = this.#configured[0] as string
  }

  /** A node that answers at an endpoint has replaced the one that answered there before. */
  #setConfigured(id: NodeId, address: string): void {
    for (const [other, otherAddress] of this.#configuredById)
      if (otherAddress === address && other !== id) this.#configuredById.delete(other)
    this.#configuredById.set(id, address)
  }

  /** The learned addresses of members without a status in this list. */
  membersWithoutStatus(statuses: readonly NodeStatus[]): readonly string[] {
    const seen = new Set(statuses.map(({ id }) => id))
    const newest = statuses.find(({ membershipIndex }) => membershipIndex === this.#membershipIndex)
    const absent = newest?.membership.members.filter(({ id }) => !seen.has(id)) ?? []
    const addresses = absent.flatMap(({ id, address }) => [this.#moved.get(id) ?? [], address].flat())
    return addresses.filter((address) => this.#learned.includes(address))
  }

  async close(): Promise<void> {
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    await Promise.all(channels.map((channel) => channel.close()))
  }
}
