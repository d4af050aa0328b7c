/** The page of the museum: every bug, whose it was, what caught it, and in how many runs. */

import { KNOWN_BUGS, KNOWN_BUGS_BY_TOPIC, OMITTED_BUGS } from './catalog.ts'
import type { Detection } from './detect.ts'
import type { KnownBug } from './known-bug.ts'

const HEAD = `# The bug museum

Bugs that Raft libraries and the systems on them have shipped, each made again in our own sources, and each caught by a promise of
the simulator. The table is made by \`make museum\`: what it says was measured by that run.

A bug is a small change of the sources: a file, the text that stands there, and what stands there instead. The museum compiles
the simulator anew with that change, into a file outside of everything that is published, and runs drawn clusters under drawn
faults until a promise is broken. So there is no switch, no flag and no test hook for any of them in what we ship; and a change
of ours that moves the text makes the museum say so (a test looks at every one).

- **Only promises count.** The nodes' own assertions are switched off, so that a bug has to be noticed by what the cluster does.
- **Fair runs.** All runs come from one seed and are the same for every bug, unless the last column says what was set. The very
  run that shows the bug is repeated with healthy nodes, which have to keep every promise in it.
- **The promise was named before.** A bug counts as caught if the first promise it breaks is one of those written down for it.
  [How to simulate](../how-to/simulate.md) says what each promise is.
- *Runs* is how many drawn runs it took, the last being the catch; the budget is 1,000.

\`make museum\` runs all of them, \`make museum ARGS="no-no-op"\` one. The sources are in \`test/museum\`.
`

export function pageOf(detections: ReadonlyMap<string, Detection>): string {
  const sections = [...KNOWN_BUGS_BY_TOPIC].map(([title, exhibits]) => sectionOf(title, exhibits, detections))
  const count = `**${KNOWN_BUGS.length} bugs, all caught.**\n`
  return `${[HEAD, count, ...sections, omittedSection()].join('\n').trimEnd()}\n`
}

function sectionOf(title: string, bugs: readonly KnownBug[], detections: ReadonlyMap<string, Detection>): string {
  const rows = bugs.map((exhibit) => {
    const { detectedBy, runs } = detections.get(exhibit.name) as Detection
    return rowOf(exhibit, `${detectedBy}`, runs)
  })
  return [
    `## ${title}`,
    '',
    '| a node that … | of | caught by | runs | set |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function rowOf(exhibit: KnownBug, caughtBy: string, seeds: number): string {
  const { name, does, system, sources, conditions = '' } = exhibit
  return `| ${does} (\`${name}\`) | ${system}: ${sources.map(linkTo).join(', ')} | ${caughtBy} | ${seeds} | ${conditions} |`
}

/** An issue or pull request of GitHub becomes a link. */
function linkTo(source: string): string {
  const issue = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(source)
  return issue === null ? source : `[${source}](https://github.com/${issue[1]}/issues/${issue[2]})`
}

function omittedSection(): string {
  if (OMITTED_BUGS.length === 0) return ''
  const rows = OMITTED_BUGS.map(
    ({ does, system, sources, why }) => `| ${does} | ${system}: ${sources.map(linkTo).join(', ')} | ${why} |`,
  )
  return ['## Not here', '', '| a node that … | of | why |', '|---|---|---|', ...rows, ''].join('\n')
}
