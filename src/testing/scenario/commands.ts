/** The commands of a scenario, by name. */
import type { MembershipChange } from '../../core/inputs.ts'
import { RAFT_DEFAULTS } from '../../core/options.ts'
import type { Block, NodeId } from '../../core/types.ts'
import { formatMembership } from '../text/format-message.ts'
import type { ScenarioNode } from './scenario-node.ts'
import type { InFlight, ScenarioRunner } from './scenario-runner.ts'
import { addressOf } from './scenario-runner.ts'

type Command = (runner: ScenarioRunner, words: readonly string[]) => void

/** docs/reference/scenarios.md describes each of them. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  options: (runner, words) => {
    runner.options = Object.fromEntries(words.map(parsePair).map(([name, value]) => [name, JSON.parse(value)]))
  },
  cluster: (runner, words) => {
    const groups: Record<string, NodeId[]> = { voters: [], learner: [], joining: [] }
    let group = 'voters'
    for (const word of words) {
      if (word in groups) group = word
      else groups[group]?.push(word)
    }
    runner.setCluster(groups.voters ?? [], groups.learner ?? [], groups.joining ?? [])
  },
  logs: (runner, words) => {
    for (const [id, terms] of words.map(parsePair)) {
      const { disk } = unstartedNode(runner, id)
      disk.blocks = terms.split(',').map((term, offset) => entry(offset + 1, Number(term)))
      disk.hardState = { term: disk.blocks[disk.blocks.length - 1]?.term ?? 0, votedFor: undefined, commitIndex: 0 }
    }
  },
  terms: (runner, words) => {
    for (const [id, term] of words.map(parsePair)) {
      const { disk } = unstartedNode(runner, id)
      disk.hardState = { ...disk.hardState, term: Number(term) }
    }
  },
  hide: (runner) => {
    runner.hidesHeartbeats = true
  },
  show: (runner) => {
    runner.hidesHeartbeats = false
  },
  quiet: (runner) => {
    runner.isQuiet = true
  },
  loud: (runner) => {
    runner.isQuiet = false
  },
  /** Advances the clocks of the other nodes by an election timeout, so that they do not stick to an earlier leader: that of a leader by less, so that it stays one. */
  elect: (runner, [id]) => {
    const node = runner.node(id)
    runner.hidesPauses = true
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = RAFT_DEFAULTS
    for (const other of runner.nodes)
      if (other !== node) other.now += other.status?.role === 'leader' ? electionTimeoutMinMs - 1 : electionTimeoutMaxMs
    node.tick()
    runner.stabilize()
    runner.hidesPauses = false
    if (node.status?.role !== 'leader') runner.printLine(`${id} was not elected`)
  },
  tick: (runner, words) => {
    for (const id of words) {
      if (runner.isPaused(id)) throw new Error(`${id} is paused`)
      runner.node(id).tick()
    }
  },
  propose: (runner, [id, ...words]) => {
    const count = Number(words.find((word) => word.startsWith('x'))?.slice(1) ?? 1)
    const forward = !words.includes('here')
    const term = words.find((word) => word.startsWith('term='))
    const expectTerm = term === undefined ? undefined : Number(term.slice(5))
    const commands = { count, size: 10 * count, checksum: 7, payload: undefined, expectTerm }
    runner.node(id).step([{ type: 'propose', proposal: runner.nextNumber(), ...commands, forward }])
  },
  read: (runner, [id, mode = 'quorum']) => {
    runner.node(id).step([{ type: 'read', read: runner.nextNumber(), mode: mode === 'lease' ? 'lease' : 'quorum' }])
  },
  change: (runner, [id, ...words]) => {
    runner.node(id).step([{ type: 'changeMembership', request: runner.nextNumber(), change: parseChange(words) }])
  },
  transfer: (runner, [id, to]) => {
    runner.node(id).step([{ type: 'transfer', request: runner.nextNumber(), to }])
  },
  snapshot: (runner, [id]) => runner.node(id).takeSnapshot(),
  fail: (runner, [id]) => runner.node(id).step([{ type: 'storageFailed', reason: 'the disk is broken' }]),
  connect: (runner, [id, peer = '', age]) => {
    const known = { directoryId: `disk-of-${peer}`, takesProposals: age !== 'older', sharesSnapshots: age !== 'older' }
    runner.node(id).step([{ type: 'peerSeen', peer, ...known }])
  },
  lose: (runner, [id, peer = '']) => runner.node(id).step([{ type: 'peerLost', peer }]),
  deliver: (runner, [what = 'all', max]) => {
    runner.deliver(messageFilter(what), max === undefined ? Number.POSITIVE_INFINITY : Number(max))
  },
  copy: (runner, [what = 'all']) => runner.copy(messageFilter(what)),
  drop: (runner, [what = 'all', max]) => {
    runner.drop(messageFilter(what), max === undefined ? undefined : Number(max))
  },
  stabilize: (runner) => runner.stabilize(),
  cut: (runner, [what = '']) => {
    for (const [from, to] of parseCuts(what)) runner.cut(from, to)
  },
  heal: (runner) => runner.heal(),
  advance: (runner, [ms]) => runner.advanceClocks(Number(ms), false),
  run: (runner, [ms]) => runner.advanceClocks(Number(ms), true),
  hold: (runner, [id]) => runner.node(id).hold(),
  release: (runner, [id, count]) => runner.node(id).release(count === undefined ? undefined : Number(count)),
  pause: (runner, words) => {
    for (const id of words) runner.pause(runner.node(id).id)
  },
  resume: (runner, words) => {
    for (const id of words) runner.resume(runner.node(id).id)
  },
  crash: (runner, words) => {
    for (const id of words) {
      runner.resume(id)
      runner.node(id).crash()
    }
  },
  restart: (runner, words) => {
    for (const id of words) runner.node(id).start()
  },
  status: (runner, words) => {
    for (const node of selectedNodes(runner, words)) runner.printLine(statusLine(node))
  },
  progress: (runner, words) => {
    for (const node of selectedNodes(runner, words))
      for (const { id, state, matchIndex, nextIndex } of node.status?.peers ?? [])
        runner.printLine(`${node.id} sees ${id}: ${state} match=${matchIndex} next=${nextIndex}`)
  },
  log: (runner, words) => {
    for (const node of selectedNodes(runner, words)) runner.printLine(logLine(node))
  },
}

function unstartedNode(runner: ScenarioRunner, id: string): ScenarioNode {
  const node = runner.unstartedNodes.get(id)
  if (node === undefined) throw new Error(`unknown node ${id}`)
  return node
}

function entry(index: number, term: number): Block {
  return { first: index, term, count: 1, size: 10, checksum: 7, kind: 'commands' }
}

function parsePair(word: string): [string, string] {
  const at = word.indexOf('=')
  if (at < 0) throw new Error(`'${word}' must have the form name=value`)
  return [word.slice(0, at), word.slice(at + 1)]
}

/** Parses 'a->b' (from a to b), 'b' (to b) or 'all'. */
function messageFilter(what: string): (flight: InFlight) => boolean {
  if (what === 'all') return () => true
  const [from, to] = what.includes('->') ? what.split('->') : [undefined, what]
  return (flight) => flight.to === to && (from === undefined || flight.from === from)
}

/** Parses 'a->b' (one direction) or 'a|b,c' (both directions between the groups). */
function parseCuts(what: string): [NodeId, NodeId][] {
  if (what.includes('->')) return [what.split('->') as [NodeId, NodeId]]
  const groups = what.split('|').map((group) => group.split(','))
  return groups.flatMap((group) =>
    groups
      .filter((other) => other !== group)
      .flatMap((other) => group.flatMap((from) => other.map((to): [NodeId, NodeId] => [from, to]))),
  )
}

/** Parses 'add=d' (a learner), 'add=d!' (promoted once caught up), 'promote=d', 'demote=b,c' and 'remove=a'. */
function parseChange(words: readonly string[]): MembershipChange {
  const change: Record<string, unknown> = {}
  for (const [verb, value] of words.map(parsePair)) {
    const ids = value.split(',')
    change[verb] =
      verb === 'add'
        ? ids.map((id) => ({
            id: id.replace('!', ''),
            address: addressOf(id.replace('!', '')),
            promote: id.endsWith('!'),
          }))
        : ids
  }
  return change
}

function selectedNodes(runner: ScenarioRunner, words: readonly string[]): readonly ScenarioNode[] {
  return words.length === 0 ? runner.nodes : words.map((id) => runner.node(id))
}

function statusLine(node: ScenarioNode): string {
  const { status } = node
  if (status === undefined) return `${node.id} is down`
  const { id, role, term, leader, lastIndex, lastTerm, commitIndex, appliedIndex, membership } = status
  const facts = `term=${term} last=${lastIndex}@${lastTerm} commit=${commitIndex} applied=${appliedIndex}`
  return `${id} ${role} ${facts} leader=${leader ?? '-'} ${formatMembership(membership)}`
}

/** The terms of the entries on disk, with a bar after the last committed one. */
function logLine(node: ScenarioNode): string {
  const { blocks, snapshot } = node.disk
  const commit = node.status?.commitIndex ?? 0
  const terms: string[] = snapshot === undefined ? [] : [`(${snapshot.index}@${snapshot.term})`]
  let hasBar = false
  for (const { first, count, term } of blocks)
    for (let index = first; index < first + count; index++) {
      if (index > commit && !hasBar) {
        terms.push('|')
        hasBar = true
      }
      terms.push(String(term))
    }
  return `${node.id}  ${terms.join(' ')}${hasBar ? '' : ' |'}`
}
