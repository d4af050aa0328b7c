/** The first line of run, scenario and trace files, which names the format and its version; and the error for files that cannot be read. */
import { RaftError } from '../../errors.ts'

export type FileKind = 'run' | 'scenario' | 'recording'

const FIRST_LINE = /^# quorate (run|scenario|trace), version (\d+)\s*$/
/** The versions of each format that this release reads, ascending; it writes the last one. */
const VERSIONS = { run: [1, 2], scenario: [1] } as const

const USED_BY: Readonly<Record<string, string>> = {
  run: 'replayRun and quorate replay read it',
  scenario: 'scenario and quorate replay read it',
  trace: 'it cannot be replayed; replay the run file instead',
}

/** The kind of file, by its first line. Any other text counts as a scenario. */
export function kindOf(text: string): FileKind {
  const line = firstLineOf(text)
  if (line.startsWith('{')) return 'recording'
  return FIRST_LINE.exec(line)?.[1] === 'run' ? 'run' : 'scenario'
}

/** Throws unless the file has this kind and a version that this release reads. Returns the version. */
export function checkFirstLine(text: string, kind: 'run' | 'scenario'): number {
  const line = firstLineOf(text)
  const [, named, version] = FIRST_LINE.exec(line) ?? []
  const versions: readonly number[] = VERSIONS[kind]
  const last = versions.at(-1) as number
  if (named === undefined && kind === 'scenario') return last
  if (named !== kind)
    throw fileError(`the first line is '${line.slice(0, 60)}' instead of '# quorate ${kind}, version ${last}'`, {
      line: 1,
      hint:
        named === undefined
          ? 'Pass a file that was written for a failed run, or start yours with that line.'
          : `This is a ${named}: ${USED_BY[named]}.`,
    })
  if (!versions.includes(Number(version)))
    throw fileError(`the file has version ${version} of its format, and this release reads up to version ${last}`, {
      line: 1,
      hint: 'Replay it with the release of quorate that wrote it, or a later one.',
    })
  return Number(version)
}

/** `doing` completes "the file cannot be …". */
export function fileError(
  why: string,
  about: { readonly line?: number; readonly hint?: string; readonly doing?: string } = {},
): RaftError {
  const { line, hint = 'Fix the file; docs/reference/run-files.md describes the format.' } = about
  const place = line === undefined ? '' : `line ${line}: `
  return new RaftError('ERR_RAFT_RUN_FILE', `the file cannot be ${about.doing ?? 'replayed'}: ${place}${why}`, {
    hint,
    details: { line },
  })
}

function firstLineOf(text: string): string {
  return text.slice(0, 200).split(/\r?\n/, 1)[0] ?? ''
}
