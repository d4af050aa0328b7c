/** Writes the sequence diagrams of docs/explanation as SVG files: `node --import tsx scripts/diagrams.ts`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '..', 'docs/explanation')

interface Arrow {
  readonly type: 'arrow'
  readonly from: number
  readonly to: number
  readonly label: string
}

/** What a participant does, in lines below each other; the first one is bold. */
interface Box {
  readonly type: 'box'
  readonly lane: number
  readonly lines: readonly string[]
}

interface Diagram {
  readonly file: string
  readonly title: string
  /** Participants, left to right: a name and, below it, its files. */
  readonly lanes: readonly (readonly [name: string, files: string])[]
  readonly rows: readonly (Arrow | Box)[]
}

const arrow = (from: number, to: number, label: string): Arrow => ({ type: 'arrow', from, to, label })
const box = (lane: number, ...lines: readonly string[]): Box => ({ type: 'box', lane, lines })

const PROPOSAL: Diagram = {
  file: 'proposal.svg',
  title: 'A proposal on the leader',
  lanes: [
    ['caller', 'your program'],
    ['calls', 'calls/proposals.ts'],
    ['core', 'pipeline/driver.ts, core/'],
    ['disk', 'pipeline/persister.ts'],
    ['network', 'pipeline/sender.ts'],
    ['state machine', 'pipeline/applier.ts'],
  ],
  rows: [
    arrow(0, 1, 'propose(command)'),
    arrow(1, 2, "'propose': one block per turn"),
    box(
      2,
      'Step 1',
      'rules/propose: check the limits',
      'rules/append: append to the log',
      'roles/leader, rules/replicate: send',
    ),
    arrow(2, 3, 'persist the block'),
    arrow(2, 4, 'send AppendEntries, in parallel'),
    arrow(3, 2, "'persisted': written and synced"),
    arrow(4, 2, "'receive' AppendEntriesResponse"),
    box(2, 'Step 2', 'progress: raise the match index', 'rules/commit: a quorum has it'),
    arrow(2, 5, 'apply [from, to)'),
    arrow(5, 1, 'result of StateMachine.apply'),
    arrow(1, 0, 'promise resolves'),
    arrow(5, 2, "'applied'"),
    box(2, 'Step 3', 'advance the applied index'),
  ],
}

const APPEND_ENTRIES: Diagram = {
  file: 'append-entries.svg',
  title: 'AppendEntries on a follower',
  lanes: [
    ['leader', 'another node'],
    ['transport', 'grpc/peer/'],
    ['core', 'pipeline/driver.ts, core/'],
    ['disk', 'pipeline/persister.ts'],
    ['state machine', 'pipeline/applier.ts'],
  ],
  rows: [
    arrow(0, 1, 'AppendEntriesRequest'),
    box(1, 'codec.ts', 'checks shape and range'),
    arrow(1, 2, "'receive'"),
    box(
      2,
      'Step 1',
      'rules/validate-message: meaning',
      'rules/term: older, same or newer?',
      'roles/follower: restart the timer',
      'rules/append-entries: prev matches?',
    ),
    arrow(2, 1, 'if not: reject with a hint'),
    box(2, 'Step 1, if prev matches', 'truncate what conflicts', 'append what is missing', 'commit what is proven'),
    arrow(2, 3, 'persist {…, then: [response]}'),
    box(3, 'storage.write', 'resolves after the sync'),
    arrow(3, 1, 'then: AppendEntriesResponse'),
    arrow(1, 0, 'AppendEntriesResponse'),
    arrow(3, 2, "'persisted'"),
    box(2, 'Step 2', 'committed and durable here'),
    arrow(2, 4, 'apply [from, to)'),
  ],
}

const LANE = 222
const LINE = 17
const TOP = 78

function svgOf({ title, lanes, rows }: Diagram): string {
  const xOf = (lane: number): number => LANE / 2 + lane * LANE
  const parts: string[] = []
  let y = TOP + 24
  for (const row of rows) {
    if (row.type === 'arrow') {
      parts.push(arrowAt(xOf(row.from), xOf(row.to), y + 16, row.label))
      y += 40
    } else {
      const height = row.lines.length * LINE + 12
      parts.push(boxAt(xOf(row.lane), y, height, row.lines))
      y += height + 14
    }
  }
  const width = lanes.length * LANE
  const height = y + 10
  const heads = lanes.map(([name, files], lane) => headAt(xOf(lane), name, files, height - 10))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="'DejaVu Sans', Verdana, sans-serif" font-size="12">
<title>${escaped(title)}</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#224"/></marker></defs>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="12" y="22" font-size="15" font-weight="bold" fill="#224">${escaped(title)}</text>
${[...heads, ...parts].join('\n')}
</svg>
`
}

function headAt(x: number, name: string, files: string, bottom: number): string {
  return [
    `<line x1="${x}" y1="${TOP}" x2="${x}" y2="${bottom}" stroke="#99a" stroke-dasharray="4 4"/>`,
    `<rect x="${x - 92}" y="${TOP - 42}" width="184" height="42" rx="4" fill="#e8edf7" stroke="#668"/>`,
    `<text x="${x}" y="${TOP - 25}" text-anchor="middle" font-weight="bold" fill="#224">${escaped(name)}</text>`,
    `<text x="${x}" y="${TOP - 9}" text-anchor="middle" font-size="10.5" fill="#446">${escaped(files)}</text>`,
  ].join('\n')
}

/** The label stands above the arrow, in the middle of the first lane gap that the arrow crosses. */
function arrowAt(from: number, to: number, y: number, label: string): string {
  const middle = from + (Math.sign(to - from) * Math.min(Math.abs(to - from), LANE)) / 2
  const text = escaped(label)
  return [
    `<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" stroke="#224" stroke-width="1.3" marker-end="url(#tip)"/>`,
    `<text x="${middle}" y="${y - 7}" text-anchor="middle" font-size="11" fill="#224" stroke="#fff" stroke-width="4" paint-order="stroke">${text}</text>`,
  ].join('\n')
}

function boxAt(x: number, y: number, height: number, lines: readonly string[]): string {
  const texts = lines.map((line, at) => {
    const weight = at === 0 ? ' font-weight="bold"' : ''
    return `<text x="${x}" y="${y + 18 + at * LINE}" text-anchor="middle" font-size="11"${weight} fill="#224">${escaped(line)}</text>`
  })
  return [
    `<rect x="${x - 107}" y="${y}" width="214" height="${height}" rx="3" fill="#fdf6e3" stroke="#a98"/>`,
    ...texts,
  ].join('\n')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

for (const diagram of [PROPOSAL, APPEND_ENTRIES]) writeFileSync(join(FOLDER, diagram.file), svgOf(diagram))
