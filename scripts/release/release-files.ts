/** What a release changes in the changelog, and what its version must be. */

const VERSION = /^(\d+)\.(\d+)\.(\d+)$/
const UNRELEASED = ' (unreleased)'

/** Why there is no release of this version now, in words; undefined if there is one. */
export function nextVersionProblem(current: string, next: string, changelog: string): string | undefined {
  if (!VERSION.test(next)) return `VERSION must be like 0.2.0, not '${next}'`
  const [now, then] = [partsOf(current), partsOf(next)]
  const at = then.findIndex((part, index) => part !== now[index])
  if (at >= 0 && (then[at] as number) < (now[at] as number))
    return `${next} is older than ${current}, the version of package.json`
  if (!changelog.includes(`\n## ${next}${UNRELEASED}\n`)) return `CHANGELOG.md has no heading '## ${next}${UNRELEASED}'`
  return undefined
}

/** The changelog with the date of the release in its heading. */
export function datedChangelog(changelog: string, version: string, date: string): string {
  return changelog.replace(`\n## ${version}${UNRELEASED}\n`, `\n## ${version} (${date})\n`)
}

function partsOf(version: string): number[] {
  return VERSION.exec(version)?.slice(1).map(Number) ?? []
}
