/** Bugs in what a node does beside the log: forwarding, the feed of changes, machine versions and the autopilot. */
import type { KnownBug } from '../known-bug.ts'

export const SERVICES: readonly KnownBug[] = [
  {
    name: 'forwarded-twice',
    does: 'appends a forwarded proposal again when its message is repeated, because the answer was lost',
    system: 'Fluree',
    sources: ['fluree/db#1839'],
    edits: [
      {
        file: 'src/core/rules/forward.ts',
        from: '    leader.forwards.record(from, message, result)\n',
        to: '',
      },
    ],
    detectedBy: ['I10', 'I15'],
  },
  {
    name: 'changes-without-the-compacted',
    does: 'lets a reader of changes continue at the first change that it keeps, and does not say that earlier ones are missing',
    system: 'etcd',
    sources: ['etcd-io/etcd#19179', 'etcd-io/etcd#18089'],
    edits: [
      {
        file: 'src/runtime/changes/change-feed.ts',
        from: '    if (index < this.#firstIndex) throw compactedError(index, this.#firstIndex)\n',
        to: '',
      },
    ],
    detectedBy: ['I22'],
  },
  {
    name: 'changes-across-a-restore',
    does: 'takes what a snapshot contains for changes that its readers have received',
    system: 'etcd',
    sources: ['etcd-io/etcd#15271'],
    edits: [
      {
        file: 'src/runtime/changes/change-feed.ts',
        from: `  onRestored(index: LogIndex): void {
    this.#blocks = []
    this.#head = 0
    this.#count = 0
    this.#bytes = 0
    this.#firstIndex = index + 1
`,
        to: '  onRestored(index: LogIndex): void {\n',
      },
    ],
    detectedBy: ['I22'],
  },
  {
    name: 'version-of-the-connected',
    does: 'raises the machine version once every connected member supports it, so that a member that is down cannot come back',
    system: 'Scylla',
    sources: ['scylladb/scylladb#1253', 'scylladb/scylladb#4458'],
    edits: [
      {
        file: 'src/runtime/leading/machine-versions.ts',
        from: 'supported.get(member.id) ?? 0)',
        to: 'supported.get(member.id) ?? Infinity)',
      },
    ],
    detectedBy: ['L0', 'L1', 'L3', 'L9'],
  },
  {
    name: 'autopilot-below-the-target',
    does: 'removes dead voters one after the other, so that in the end too few are left to survive the next failure',
    system: 'Consul',
    sources: ['hashicorp/consul#5922'],
    edits: [
      {
        file: 'src/runtime/leading/autopilot.ts',
        from: '  if (voters.length - 1 >= autopilotVotersMin) return',
        to: '  if (voters.length - 1 >= Math.min(1, autopilotVotersMin)) return',
      },
    ],
    detectedBy: ['I24'],
  },
]
