/** The commands of a scenario, by name. */
import type { MembershipChange } from '../../core/inputs.ts'
import { RAFT_DEFAULTS } from '../../core/options.ts'
import type { Block, NodeId } from '../../core/types.ts'
import { formatMembership } from '../text/format-message.ts'
import type { ScenarioNode } from './scenario-node.ts'
import type { InFlight, ScenarioRunner } from './scenario-runner.ts'
import { addressOf } from './scenario-runner.ts'

type Command = (stage: ScenarioRunner, words: readonly string[]) => void

/** docs/reference/scenarios.md describes each of them. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  options: (stage, words) => {
    stage.options = Object.fromEntries(words.map(parsePair).map(([name, value]) => [name, JSON.parse(value)]))
  },
  cluster: (stage, words) => {
    const groups: Record<string, NodeId[]> = { voters: [], learner: [], joining: [] }
    let group = 'voters'
    for (const word of words) {
      if (word in groups) group = word
      else groups[group]?.push(word)
    }
    stage.setCluster(groups.voters ?? [], groups.learner ?? [], groups.joining ?? [])
  },
  logs: (stage, words) => {
    for (const [id, terms] of words.map(parsePair)) {
      const { disk } = unstartedNode(stage, id)
      disk.blocks = terms.split(',').map((term, offset) => entry(offset + 1, Number(term)))
      disk.hardState = { term: disk.blocks[disk.blocks.length - 1]?.term ?? 0, votedFor: undefined, commitIndex: 0 }
    }
  },
  terms: (stage, words) => {
    for (const [id, term] of words.map(parsePair)) {
      const { disk } = unstartedNode(stage, id)
      disk.hardState = { ...disk.hardState, term: Number(term) }
    }
  },
  hide: (stage) => {
    stage.hidesHeartbeats = true
  },
  show: (stage) => {
    stage.hidesHeartbeats = false
  },
  quiet: (stage) => {
    stage.isQuiet = true
  },
  loud: (stage) => {
    stage.isQuiet = false
  },
  /** Advances the clocks of the other nodes by an election timeout, so that they do not stick to an earlier leader. */
  elect: (stage, [id]) => {
    const node = stage.node(id)
    stage.hidesPauses = true
    for (const other of stage.nodes) if (other !== node) other.now += RAFT_DEFAULTS.electionTimeoutMaxMs
    node.tick()
    stage.stabilize()
    stage.hidesPauses = false
    if (node.status?.role !== 'leader') stage.printLine(`${id} was not elected`)
  },
  tick: (stage, words) => {
    for (const id of words) stage.node(id).tick()
  },
  propose: (stage, [id, times = 'x1']) => {
    const count = Number(times.slice(1))
    stage
      .node(id)
      .step([{ type: 'propose', proposal: stage.nextNumber(), count, size: 10 * count, payload: undefined }])
  },
  read: (stage, [id, mode = 'quorum']) => {
    stage.node(id).step([{ type: 'read', read: stage.nextNumber(), mode: mode === 'lease' ? 'lease' : 'quorum' }])
  },
  change: (stage, [id, ...words]) => {
    stage.node(id).step([{ type: 'changeMembership', request: stage.nextNumber(), change: parseChange(words) }])
  },
  transfer: (stage, [id, to]) => {
    stage.node(id).step([{ type: 'transfer', request: stage.nextNumber(), to }])
  },
  snapshot: (stage, [id]) => stage.node(id).takeSnapshot(),
  fail: (stage, [id]) => stage.node(id).step([{ type: 'storageFailed', reason: 'the disk is broken' }]),
  lose: (stage, [id, peer = '']) => stage.node(id).step([{ type: 'peerLost', peer }]),
  deliver: (stage, [what = 'all', max]) => {
    stage.deliver(messageFilter(what), max === undefined ? Number.POSITIVE_INFINITY : Number(max))
  },
  copy: (stage, [what = 'all']) => stage.copy(messageFilter(what)),
  drop: (stage, [what = 'all']) => stage.drop(messageFilter(what)),
  stabilize: (stage) => stage.stabilize(),
  cut: (stage, [what = '']) => {
    for (const [from, to] of parseCuts(what)) stage.cut(from, to)
  },
  heal: (stage) => stage.heal(),
  advance: (stage, [ms]) => stage.advanceClocks(Number(ms), false),
  run: (stage, [ms]) => stage.advanceClocks(Number(ms), true),
  hold: (stage, [id]) => stage.node(id).hold(),
  release: (stage, [id, count]) => stage.node(id).release(count === undefined ? undefined : Number(count)),
  crash: (stage, words) => {
    for (const id of words) stage.node(id).crash()
  },
  restart: (stage, words) => {
    for (const id of words) stage.node(id).start()
  },
  status: (stage, words) => {
    for (const node of selectedNodes(stage, words)) stage.printLine(statusLine(node))
  },
  progress: (stage, words) => {
    for (const node of selectedNodes(stage, words))
      for (const { id, state, matchIndex, nextIndex } of node.status?.peers ?? [])
        stage.printLine(`${node.id} sees ${id}: ${state} match=${matchIndex} next=${nextIndex}`)
  },
  log: (stage, words) => {
    for (const node of selectedNodes(stage, words)) stage.printLine(logLine(node))
  },
}

function unstartedNode(stage: ScenarioRunner, id: string): ScenarioNode {
  const node = stage.unstartedNodes.get(id)
  if (node === undefined) throw new Error(`unknown node ${id}`)
  return node
}

function entry(index: number, term: number): Block {
  return { first: index, term, count: 1, size: 10, kind: 'commands' }
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

function selectedNodes(stage: ScenarioRunner, words: readonly string[]): readonly ScenarioNode[] {
  return words.length === 0 ? stage.nodes : words.map((id) => stage.node(id))
}

function statusLine(node: ScenarioNode): string {
  const { status } = node
  if (status === undefined) return `${node.id} is down`
  const { id, role, term, leader, lastIndex, lastTerm, commitIndex, appliedIndex, membership } = status
  const facts = `term=${term} last=${lastIndex}@${lastTerm} commit=${commitIndex} applied=${appliedIndex}`
  return `${id} ${role} ${facts} leader=${leader ?? '-'} ${formatMembership(membership)}`
}

/** The terms of the entries on disk, with a bar behind the last committed one. */
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
