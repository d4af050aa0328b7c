/** A progress bar of bytes on standard error, if that is a terminal and the output is text. */
import { Presets, SingleBar } from 'cli-progress'

export interface ProgressBar {
  readonly update: (doneBytes: number, totalBytes: number) => void
  /** Idempotent. */
  readonly stop: () => void
}

export function progressBar(output: 'text' | 'json', what: string): ProgressBar {
  if (output === 'json' || process.stderr.isTTY !== true) return { update: () => undefined, stop: () => undefined }
  const format = `  {bar} {percentage}%  ${what}, about {eta_formatted} left`
  const bar = new SingleBar({ format, clearOnComplete: true, etaBuffer: 100 }, Presets.shades_classic)
  bar.start(1, 0)
  return {
    update: (doneBytes, totalBytes) => {
      bar.setTotal(totalBytes)
      bar.update(doneBytes)
    },
    stop: () => bar.stop(),
  }
}
