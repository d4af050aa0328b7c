/** `quorate why`: one paragraph on why there is no leader or what is slow, and what to do next. The exit code is that of `quorate status`. */
import type { ClientSettings } from '../client-settings.ts'
import { diagnose, formatDiagnosis } from '../status/diagnosis.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodeOfReport, readStatus } from './status.ts'

export async function why(settings: ClientSettings, terminal: Terminal): Promise<number> {
  const report = await readStatus(settings)
  const diagnosis = diagnose(report)
  terminal.out(settings.format === 'json' ? `${JSON.stringify(diagnosis)}\n` : formatDiagnosis(diagnosis))
  return exitCodeOfReport(report)
}
