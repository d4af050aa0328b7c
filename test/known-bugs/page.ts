/** Writes the page of the known bugs: what each one does, which system had it, which property detected it, and after how many runs. */
import { KNOWN_BUGS, KNOWN_BUGS_BY_TOPIC, OMITTED_BUGS } from './catalog.ts'
import type { Detection } from './detect.ts'
import type { KnownBug } from './known-bug.ts'
import { MISSING_SYNCS } from './missing-syncs.ts'

const HEAD = `# Bug museum

This page lists bugs that other Raft implementations, and systems built on them, have shipped. Each one is reproduced in our own sources and
detected by the simulator. \`make known-bugs\` runs them all and writes this page; the numbers are those of its last run.

A known bug is an edit of the sources: a file, a piece of its text, and the replacement. The simulator is compiled with the edited
sources into a temporary file, and executes generated runs with generated faults until a property is violated. The published package
therefore contains no switch, flag or test hook for these bugs. A test checks that every edit still applies to the sources.

- **Only properties count.** The nodes' own assertions are disabled, so the bug must be visible in what the cluster does.
- **The runs are not selected.** All of them are generated from one seed. They are the same for every bug, unless the column *conditions*
  restricts them. The run that shows the bug is repeated with correct nodes, which must satisfy every property.
- **The property is named in advance.** A bug counts as detected only if the first violated property is one of those listed for it.
  [How to simulate](../how-to/simulate.md) describes the properties.
- *Runs* is the number of generated runs up to and including the one that shows the bug. The limit is 1,000.

\`make known-bugs ARGS="no-no-op"\` runs a single bug. The sources are in \`test/known-bugs\`.
`

/** `checks` has the title of the check that detected each missing sync. */
export function pageOf(detections: ReadonlyMap<string, Detection>, checks: ReadonlyMap<string, string>): string {
  const sections = [...KNOWN_BUGS_BY_TOPIC].map(([title, bugs]) => sectionOf(title, bugs, detections))
  const count = `**${KNOWN_BUGS.length} bugs, all detected.**\n`
  return `${[HEAD, count, ...sections, missingSyncsSection(checks), omittedSection()].join('\n').trimEnd()}\n`
}

function sectionOf(title: string, bugs: readonly KnownBug[], detections: ReadonlyMap<string, Detection>): string {
  const rows = bugs.map((bug) => {
    const { detectedBy, runs } = detections.get(bug.name) as Detection
    return rowOf(bug, `${detectedBy}`, runs)
  })
  return [
    `## ${title}`,
    '',
    '| a node that … | system | detected by | runs | conditions |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function rowOf(bug: KnownBug, detectedBy: string, runs: number): string {
  const { name, does, system, sources, conditions = '' } = bug
  return `| ${does} (\`${name}\`) | ${system}: ${sources.map(linkTo).join(', ')} | ${detectedBy} | ${runs} | ${conditions} |`
}

/** Turns an issue or pull request on GitHub into a link. */
function linkTo(source: string): string {
  const issue = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(source)
  return issue === null ? source : `[${source}](https://github.com/${issue[1]}/issues/${issue[2]})`
}

/** The section of the syncs that are missing on purpose. */
export function missingSyncsSection(checks: ReadonlyMap<string, string>): string {
  const rows = MISSING_SYNCS.map(
    ({ name, does, storage }) => `| ${does} (\`${name}\`) | \`${storage}\` | ${checks.get(name)} |`,
  )
  return [
    '## Missing syncs',
    '',
    'A simulated disk keeps no files, so these are edits of a storage on real files, which loses in a power cut what is not synced. The checks of',
    'crashes of `storageContract`, the suite for storages of your own, detect each of them ([bring your own storage](../how-to/bring-your-own-storage.md)).',
    '',
    '| a node that … | storage | detected by the check |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function omittedSection(): string {
  if (OMITTED_BUGS.length === 0) return ''
  const rows = OMITTED_BUGS.map(
    ({ does, system, sources, why }) => `| ${does} | ${system}: ${sources.map(linkTo).join(', ')} | ${why} |`,
  )
  return ['## Omitted', '', '| a node that … | system | why |', '|---|---|---|', ...rows, ''].join('\n')
}
