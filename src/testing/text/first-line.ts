/** The first line of our text files: which format, in which version; and the error of a file that cannot be read. */
import { RaftError } from '../../errors.ts'

export type FileKind = 'run' | 'scenario' | 'recording'

const FIRST_LINE = /^# quorate (run|scenario|trace), version (\d+)\s*$/
/** This release reads no other version. */
const VERSION = 1

const USED_BY: Readonly<Record<string, string>> = {
  run: 'it is played by replayRun, and by quorate replay',
  scenario: 'it is played by scenario, and by quorate replay',
  trace: 'it is for people; replay the file of the run that it is of',
}

/** What the first line says the file is; a told scenario need not say it. */
export function kindOf(text: string): FileKind {
  const line = firstLineOf(text)
  if (line.startsWith('{')) return 'recording'
  return FIRST_LINE.exec(line)?.[1] === 'run' ? 'run' : 'scenario'
}

/** Throws unless the file is of this kind and of a version that can be read. */
export function checkFirstLine(text: string, kind: 'run' | 'scenario'): void {
  const line = firstLineOf(text)
  const [, named, version] = FIRST_LINE.exec(line) ?? []
  if (named === undefined && kind === 'scenario') return
  if (named !== kind)
    throw fileError(`the first line is '${line.slice(0, 60)}', and not '# quorate ${kind}, version ${VERSION}'`, {
      line: 1,
      hint:
        named === undefined
          ? 'Give a file that was written for a failed run, or begin yours with that line.'
          : `This is a ${named}: ${USED_BY[named]}.`,
    })
  if (Number(version) !== VERSION)
    throw fileError(`the file is of version ${version} of its format, and this release reads version ${VERSION}`, {
      line: 1,
      hint: 'Replay it with the release of quorate that wrote it, or a later one.',
    })
}

/** `doing` completes "the file cannot be …". */
export function fileError(
  why: string,
  about: { readonly line?: number; readonly hint?: string; readonly doing?: string } = {},
): RaftError {
  const { line, hint = 'Mend the file; the format is explained in docs/reference/run-files.md.' } = about
  const place = line === undefined ? '' : `line ${line}: `
  return new RaftError('ERR_RAFT_RUN_FILE', `the file cannot be ${about.doing ?? 'replayed'}: ${place}${why}`, {
    hint,
    details: { line },
  })
}

function firstLineOf(text: string): string {
  return text.slice(0, 200).split(/\r?\n/, 1)[0] ?? ''
}
